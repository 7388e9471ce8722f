import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bytesSetting,
  choiceSetting,
  durationSetting,
  flagSetting,
  integerSetting,
  numberSetting,
  textSetting,
} from "./setting.ts";
import { describeSettings, readSettings } from "./settings.ts";

const SPEC = {
  name: textSetting("MPO_NAME", { about: "the device's name" }),
  token: textSetting("MPO_TOKEN", { about: "join token", fallback: undefined, secret: true }),
  port: integerSetting("MPO_PORT", { about: "port", min: 0, max: 65_535, fallback: 0 }),
  share: numberSetting("MPO_SHARE", { about: "share of memory", min: 0, max: 1, fallback: 0.5 }),
  insecure: flagSetting("MPO_INSECURE", { about: "no TLS", fallback: false }),
  level: choiceSetting("MPO_LEVEL", ["debug", "info"], { about: "log level", fallback: "info" }),
  poll: durationSetting("MPO_POLL", { about: "poll interval", min: 1000, fallback: 900_000 }),
  memory: bytesSetting("MPO_MEMORY", { about: "memory to leave", fallback: 0 }),
};

void test("values are read with their units, the rest takes its default", () => {
  const environment = { MPO_NAME: " pi-4 ", MPO_POLL: "1.5s", MPO_MEMORY: "512MiB", MPO_INSECURE: "on", MPO_PORT: "" };
  assert.deepEqual(readSettings(environment, SPEC), {
    name: "pi-4",
    token: undefined,
    port: 0,
    share: 0.5,
    insecure: true,
    level: "info",
    poll: 1_500,
    memory: 512 * 2 ** 20,
  });
});

void test("every problem is told at once, and no secret with it", () => {
  const secret = { ...SPEC, pin: integerSetting("MPO_PIN", { about: "pin", secret: true }) };
  const environment = { MPO_PORT: "70000", MPO_LEVEL: "toString", MPO_POLL: "5", MPO_PIN: "hunter2" };
  assert.throws(() => readSettings(environment, secret), {
    code: "invalid-argument",
    message: [
      "MPO_NAME is not set: expected a text (the device's name)",
      'MPO_PORT is "70000": expected a whole number from 0 to 65535',
      'MPO_LEVEL is "toString": expected one of debug, info',
      'MPO_POLL is "5": expected a duration such as 250ms, 5s, 15min or 24h (1000 to 9007199254740991 in the smallest unit)',
      "MPO_PIN has a value that does not fit: expected a whole number from 0 to 9007199254740991",
    ].join("\n"),
  });
});

const REFUSED = [
  ["MPO_PORT", "1.5"],
  ["MPO_PORT", "0x10"],
  ["MPO_PORT", "-1"],
  ["MPO_SHARE", "NaN"],
  ["MPO_SHARE", "1.01"],
  ["MPO_SHARE", "Infinity"],
  ["MPO_INSECURE", "maybe"],
  ["MPO_POLL", "10ms"],
  ["MPO_POLL", "5 weeks"],
  ["MPO_POLL", "5 constructor"],
  ["MPO_MEMORY", "-5MiB"],
  ["MPO_MEMORY", "5 mib"],
] as const;
for (const [variable, text] of REFUSED) {
  void test(`${variable}=${text} is refused`, () => {
    assert.throws(() => readSettings({ MPO_NAME: "x", [variable]: text }, SPEC), { code: "invalid-argument" });
  });
}

void test("settings describe themselves", () => {
  const lines = describeSettings(SPEC);
  assert.equal(lines[0], "MPO_NAME: the device's name; a text; required");
  assert.equal(lines[1], "MPO_TOKEN: join token; a text; default (hidden)");
  assert.equal(lines[3], "MPO_SHARE: share of memory; a number from 0 to 1; default 0.5");
});
