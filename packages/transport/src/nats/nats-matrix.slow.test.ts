import assert from "node:assert/strict";
import { test } from "node:test";
import { deviceKey, notifySubject } from "@mpo/protocol";
import { createInbox, Events } from "nats";
import { FLEET_LAYOUT } from "../store/fleet-layout.ts";
import { TestIdentities } from "../testing/nats-identities.ts";
import { openLink, skip, startServer } from "../testing/nats-room.ts";
import { bytes, text } from "../testing/state-store-contract.ts";
import { deviceInbox } from "./fleet-claims.ts";
import { openJetstreamStore } from "./jetstream/jetstream-state-store.ts";
import type { NatsLink } from "./nats-link.ts";

const TRIES = 12_000;
const AT_ONCE = 100;
const SEED = 14;

/** Tenants and devices whose names are like each other's. */
const DEVICES = ["a", "A", "a_b"].flatMap((tenant) => ["c", "C", "b_c"].map((device) => ({ tenant, device })));
const KEYS = DEVICES.map(deviceKey);
const DIRECT = "$JS.API.DIRECT.GET.KV_desired";

/** Subjects that somebody would like to use; KEY stands for a device's key. */
const SUBJECTS: readonly string[] = [
  `${DIRECT}.$KV.desired.KEY`,
  ...["dn.KEY", "_INBOX.KEY", "_INBOX.KEY.x", "_INBOX.KEY.x.*", "_INBOX.x.y", "_R_.x.y", "$KV.desired.KEY"],
  ...["$KV.reported.KEY", "$KV.ident.KEY", "$KV.work.KEY", "$KV.health.x", "au.a.push", "_mpo", "x"],
  ...[DIRECT, "$JS.API.DIRECT.GET.KV_ident.$KV.ident.KEY", "$JS.API.DIRECT.GET.audit.au.a.push"],
  ...["INFO", "ACCOUNT.PURGE.x", "SERVER.REMOVE", "META.LEADER.STEPDOWN", "STREAM.NAMES", "STREAM.LIST"],
  ..."INFO CREATE UPDATE DELETE PURGE SNAPSHOT RESTORE MSG.GET MSG.DELETE LEADER.STEPDOWN PEER.REMOVE"
    .split(" ")
    .map((verb) => `STREAM.${verb}.KV_desired`),
  ...["CONSUMER.CREATE.KV_desired", "CONSUMER.CREATE.KV_desired.c", "CONSUMER.CREATE.KV_desired.c.$KV.desired.KEY"],
  ...["CONSUMER.DURABLE.CREATE.KV_desired.c", "CONSUMER.LIST.KV_desired", "CONSUMER.NAMES.KV_desired"],
  ..."INFO DELETE PAUSE MSG.NEXT UNPIN LEADER.STEPDOWN".split(" ").map((verb) => `CONSUMER.${verb}.KV_desired.c`),
  ...["$JS.ACK.KV_desired.c.1.1.1.1.0", "$JS.FC.KV_desired.c.x", "$JS.EVENT.ADVISORY.API", "$JSC.R.x", "$NRG.V.x"],
  ..."USER.INFO SERVER.PING SERVER.PING.VARZ CLAIMS.UPDATE CLAIMS.LIST CLAIMS.DELETE ACCOUNT.PING.CONNZ"
    .split(" ")
    .map((name) => `$SYS.REQ.${name}`),
  ...["$SYS.ACCOUNT.x.CONNECT", "$SYS.SERVER.x.STATSZ", "$MQTT.msgs.x", "$SRV.PING", "$G.x"],
].map((subject) => (/^(INFO|ACCOUNT|SERVER|META|STREAM|CONSUMER)\b/u.test(subject) ? `$JS.API.${subject}` : subject));

/** Numbers from 0 up to 1 that are the same in each run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const random = numbers(SEED);
const below = (count: number): number => Math.floor(random() * count);
const oneOf = <T>(list: readonly T[]): T => list[below(list.length)] as T;

/** A subject, sometimes with other devices' names, wildcards, or letters of another case. */
function drawSubject(own: string, mayBeWild: boolean): string {
  const parts = oneOf(SUBJECTS)
    .replace("KEY", random() < 0.4 ? own : oneOf(KEYS))
    .split(".");
  const at = below(parts.length);
  const change = random();
  if (change < 0.1) parts[at] = (parts[at] ?? "").toUpperCase();
  else if (change < 0.2) parts.push(oneOf(["x", "KV_desired", ...own.split(".")]));
  else if (change < 0.25) parts.splice(at, 1);
  else if (mayBeWild && change < 0.5) parts[at] = "*";
  else if (mayBeWild && change < 0.65) parts.splice(at, parts.length, ">");
  return parts.length === 0 ? "x" : parts.join(".");
}

function isAllowed(own: string, operation: "publish" | "subscription", subject: string): boolean {
  if (operation === "publish") return subject === `${DIRECT}.$KV.desired.${own}`;
  return subject === `dn.${own}` || (subject.startsWith(`_INBOX.${own}.`) && subject.length > own.length + 8);
}

/** Everything that a link was refused. */
function follow(link: NatsLink): string[] {
  const refused: string[] = [];
  void (async () => {
    for await (const { type, permissionContext } of link.connection.status()) {
      if (type === Events.Error) refused.push(`${permissionContext?.operation} ${permissionContext?.subject}`);
    }
  })();
  return refused;
}

void test(`of ${TRIES} subjects a device may use its own alone (seed ${SEED})`, { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const { url } = (await startServer(t, { identities })).address;
  const coordinator = await openLink(t, identities.role(url, "coordinator"));
  const store = await openJetstreamStore(coordinator, { layout: FLEET_LAYOUT });
  for (const key of KEYS) await store.put("desired", key, bytes(key));
  const links = await Promise.all(KEYS.map((key) => openLink(t, identities.device(url, key))));
  const refusals = links.map(follow);
  let tries = 0;
  let allowed = 0;
  while (tries < TRIES) {
    const index = below(links.length);
    const [own, link, refused] = [KEYS[index], links[index], refusals[index]] as [string, NatsLink, string[]];
    refused.length = 0;
    const expected: string[] = [];
    for (let count = 0; count < AT_ONCE; count++, tries++) {
      const operation = random() < 0.5 ? "publish" : "subscription";
      const subject = drawSubject(own, operation === "subscription");
      if (isAllowed(own, operation, subject)) allowed++;
      else expected.push(`${operation} ${subject}`);
      if (operation === "publish") link.connection.publish(subject, "x", { reply: createInbox(deviceInbox(own)) });
      else {
        const queue = random() < 0.2 ? { queue: "q" } : {};
        link.connection.subscribe(subject, { callback: () => undefined, ...queue }).unsubscribe();
      }
    }
    // Errors come before the answer to a ping, and are read a turn or two later.
    for (let ping = 0; ping < 5; ping++) await link.connection.flush();
    assert.deepEqual(refused, expected, own);
  }
  assert.ok(allowed > TRIES / 200, `only ${allowed} were allowed`);
  for (const key of KEYS) assert.equal(text((await store.get("desired", key))?.value), key);
});

void test("the answer to a device's request reaches nothing of the fleet, wherever it is sent", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const { url } = (await startServer(t, { identities })).address;
  const coordinator = await openLink(t, identities.role(url, "coordinator"));
  const store = await openJetstreamStore(coordinator, { layout: FLEET_LAYOUT });
  const [own, other] = KEYS as [string, string];
  for (const key of KEYS) await store.put("desired", key, bytes(key));
  const manager = await coordinator.connection.jetstreamManager();
  const entries = async (): Promise<string> => {
    const streams = await manager.streams.list().next();
    return JSON.stringify(streams.map(({ config, state }) => [config.name, state.messages, state.last_seq]));
  };
  const before = await entries();
  const heard: string[] = [];
  coordinator.connection.subscribe(">", { callback: (_error, { subject }) => void heard.push(subject) });
  const device = await openLink(t, identities.device(url, own));
  const answers: string[] = [];
  const inbox = `${deviceInbox(own)}.all`;
  device.connection.subscribe(inbox, { callback: (_error, { data }) => void answers.push(text(data) ?? "") });
  const ask = (payload: string, reply: string): void => {
    device.connection.publish(`${DIRECT}.$KV.desired.${own}`, payload, { reply });
  };
  for (const subject of SUBJECTS) ask("", subject.replace("KEY", other));
  // Nor does it hold more than was asked for.
  const more = [{ last_by_subj: `$KV.desired.${other}` }, { multi_last: ["$KV.desired.>"] }, { seq: 2 }];
  for (const payload of [...more, { seq: 1, batch: 9 }, { next_by_subj: "$KV.desired.>", seq: 1, batch: 9 }]) {
    ask(JSON.stringify(payload), inbox);
  }
  ask("", inbox);
  while (!answers.includes(own)) await device.connection.flush();
  await coordinator.connection.flush();
  assert.equal(await entries(), before);
  const foreign = heard.filter((subject) => !/^(_R_\.|_INBOX\.|\$JS\.API\.STREAM\.LIST|\$JS\.EVENT\.)/u.test(subject));
  assert.deepEqual(new Set(foreign), new Set([`${DIRECT}.$KV.desired.${own}`]));
  assert.deepEqual(
    answers.filter((answer) => answer !== "" && answer !== own),
    [],
  );
});

void test("a device's few subscriptions and short messages are limits", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const { url } = (await startServer(t, { identities })).address;
  await openJetstreamStore(await openLink(t, identities.role(url, "coordinator")), { layout: FLEET_LAYOUT });
  const [identity] = DEVICES as [(typeof DEVICES)[number]];
  const own = deviceKey(identity);
  const link = await openLink(t, identities.device(url, own));
  const refused = follow(link);
  for (const [count, refusals] of [
    [8, 0],
    [1, 1],
  ] as const) {
    for (let index = 0; index < count; index++) {
      link.connection.subscribe(notifySubject(identity), { callback: () => undefined });
    }
    for (let ping = 0; ping < 5; ping++) await link.connection.flush();
    assert.equal(refused.length, refusals);
  }
  const ask = (length: number): void => {
    link.connection.publish(`${DIRECT}.$KV.desired.${own}`, "x".repeat(length));
  };
  ask(1024);
  assert.throws(() => ask(1025), { code: "MAX_PAYLOAD_EXCEEDED" });
});
