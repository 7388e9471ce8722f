import assert from "node:assert/strict";
import { cp, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { BROKEN_DEVICE, SEEN, startTinyDevice } from "../test-support/tiny-device.ts";
import { type CommandOutcome, runCommand, startCommand } from "../testing/run-command.ts";

type Facts = Readonly<Record<string, unknown>>;

/** Runs a command until it finds something; a test that waits for ever is ended by its own time limit. */
async function eventually(
  run: () => Promise<CommandOutcome>,
  isThere: (outcome: CommandOutcome) => boolean,
): Promise<CommandOutcome> {
  for (;;) {
    const outcome = await run();
    if (isThere(outcome)) return outcome;
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** Lines of tables that a usual terminal would wrap. */
const linesOver80 = (text: string): readonly string[] =>
  text.split("\n").filter((line) => /^[│┌├└]/u.test(line) && line.length > 80);

const ok = ({ code }: CommandOutcome): boolean => code === EXIT_CODES.ok;

describe("a fleet from the command line", { skip: noNatsServer, timeout: 180_000 }, () => {
  it("is listed, explained, changed and watched", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder);
    const coordinator = String(ready["grpc"]);
    const mpo = (...args: readonly string[]): Promise<CommandOutcome> => runCommand([...args, ...at(coordinator)]);
    const json = (...args: readonly string[]): Promise<CommandOutcome> => mpo(...args, "--json");
    const follower = startCommand(["events", "--follow", "--json", ...at(coordinator)]);
    t.after(() => follower.signal("SIGINT"));
    const berlin = [{ name: "site", value: "berlin" }];
    const limits = { memory: "4 GB", window: "2h" };
    const one = await startTinyDevice(t, { device: "pi-1", coordinator, folder, labels: berlin, limits });
    const two = await startTinyDevice(t, { device: "pi-2", coordinator, folder });

    // It enrols, probes, reports, and gets its first document; a second one may have come before anybody looks.
    const [first] = (await eventually(() => json("config", "show", "pi-1"), ok)).records;
    const made = first?.["version"] as { readonly epoch: number; readonly version: number } | undefined;
    assert.ok(made?.epoch === 1 && made.version >= 1, JSON.stringify(made));
    await eventually(
      () => json("devices", "list"),
      ({ records }) => records.length === 2,
    );
    const chosen = await json("devices", "list", "--label", "site=berlin");
    assert.deepEqual(
      chosen.records.map(({ identity }) => identity),
      [{ tenant: "default", device: "pi-1" }],
    );
    assert.equal((await json("devices", "list", "--label", "site=paris")).records.length, 0);
    const where = (filter: string) => json("devices", "list", "--where", filter);
    assert.equal((await where("name matches pi-*\n and lastSeen < 1h")).records.length, 2);
    const saved = await json(
      "groups",
      "save",
      "berlin",
      "--where",
      "label.site = berlin",
      "--description",
      "the first",
    );
    assert.deepEqual([saved.code, saved.records[0]?.["deviceCount"]], [EXIT_CODES.ok, 1]);
    assert.equal((await where("not group = berlin")).records.length, 1);
    assert.match((await mpo("groups", "list")).stdout, /berlin.*1.*label\.site = berlin.*the first/u);
    assert.match((await mpo("groups", "show", "berlin")).stdout, /filter.*label\.site = berlin/u);
    assert.match((await mpo("devices", "refresh", "--where", "group = berlin")).stdout, /^asked pi-1;/u);
    assert.match((await mpo("devices", "refresh")).stderr, /either the name of a device or a filter/u);
    const mistaken = await where("group = berlin and memry > 1GiB");
    assert.equal(mistaken.code, EXIT_CODES.usage);
    assert.equal(
      mistaken.stderr,
      [
        "error (invalid-argument): memry is not an attribute; did you mean memory?",
        "  group = berlin and memry > 1GiB",
        "                     ^^^^^\n",
      ].join("\n"),
    );
    assert.match(
      (await where("group = berln")).stderr,
      /no group berln; did you mean berlin\?\n {2}group = berln\n {10}\^{5}\nhint/u,
    );
    assert.match((await mpo("groups", "remove", "berlin")).stdout, /^removed group berlin/u);
    assert.match((await mpo("groups", "show", "berlin")).stderr, /error \(not-found\): there is no group berlin/u);

    const table = (await mpo("devices", "list")).stdout;
    for (const word of ["pi-1", "online", "s ago", "tiny", "site=berlin", "2 devices, 2 online"]) {
      assert.ok(table.includes(word), word);
    }

    // Profiles, also as a file that the planning commands read.
    await eventually(
      () => json("profiles", "list"),
      ({ records }) => records.length === 2,
    );
    const shown = await mpo("profiles", "show", "pi-1");
    assert.match(shown.stdout, /tiny on pi-1[\s\S]*learning curve/u);
    const file = join(folder, "pi-1.json");
    assert.equal((await mpo("profiles", "export", "pi-1", "--weights", one.modelFolder, "--output", file)).code, 0);
    const searched = await runCommand(["search", file, "--memory", "64MiB", "--window", "60s", "--json"]);
    assert.equal(searched.records[0]?.["event"], "searched");
    assert.equal((await mpo("profiles", "export", "pi-1", "tiny", "--output", `${file}.raw`)).code, 0);
    const taken = await mpo("profiles", "export", "pi-1", "tiny", "--output", file);
    assert.equal(taken.code, EXIT_CODES.state);
    assert.match(taken.stderr, /--output .*pi-1\.json is there already\nhint: .*--force/u);
    const raw = JSON.parse(await readFile(`${file}.raw`, "utf8")) as { readonly profile: { readonly device: Facts } };
    assert.equal(raw.profile.device["id"], "pi-1");

    // Why this config.
    const [why] = (await json("config", "explain", "pi-1")).records;
    assert.ok(Number(why?.["considered"]) > 0);
    const told = (await mpo("config", "explain", "pi-1")).stdout;
    assert.match(told, /configurations were looked at, \d+ of them over the budget/u);
    assert.match(told, /objective: best accuracy within/u);

    // What was predicted beside what a window saw.
    one.agent.openWindow("tiny");
    const windows = ({ records }: CommandOutcome): readonly Facts[] => records[0]?.["windows"] as readonly Facts[];
    const seen = await eventually(
      () => json("devices", "show", "pi-1"),
      (outcome) => windows(outcome).length > 0,
    );
    assert.equal(windows(seen)[0]?.["peakBytes"], SEEN.peakBytes);
    const page = (await mpo("devices", "show", "pi-1")).stdout;
    assert.match(page, /kept-old[\s\S]*7\.3 MiB[\s\S]*about 50\.0 % \(.*\) -> about 62\.5 %/u);
    assert.match(page, /owner's limits.*memory 4 GB, window 2h/u);
    const observed = (await json("config", "show", "pi-1")).records[0]?.["rungs"] as readonly { observed: Facts }[];
    assert.equal(observed.find((rung) => rung.observed["windows"] === 1)?.observed["stepMs"], SEEN.stepMs);

    // A configuration by hand, which nobody may have changed in between. The drift's probe may have brought a document.
    const [before] = (await json("config", "show", "pi-1")).records;
    const newest = (before?.["version"] as { readonly version: number } | undefined)?.version ?? 0;
    const push = ["config", "push", "pi-1", "--micro-batch", "8", "--freeze", "0.5", "--reason", "a test"];
    const pushed = await json(...push, "--expect", `1.${newest}`, "--wait", "60s");
    assert.equal(pushed.code, EXIT_CODES.ok, pushed.stderr);
    const [{ document, requestId } = {}, { status } = {}] = pushed.records as readonly {
      document?: { version: Facts; rungs: readonly { config: Facts }[] };
      requestId?: string;
      status?: Facts;
    }[];
    assert.deepEqual(document?.version, { epoch: 1, version: newest + 1 });
    assert.deepEqual([document?.rungs.length, document?.rungs[0]?.config["microBatch"]], [1, 8]);
    assert.equal(document?.rungs[0]?.config["accumulation"], 4, "the effective batch stays");
    assert.ok(status?.["state"] === "applied" || status?.["state"] === "confirmed");
    const stale = await mpo(...push, "--expect", `1.${newest}`);
    assert.equal(stale.code, EXIT_CODES.state);
    assert.match(stale.stderr, /error \(conflict\)/u);

    const tooFine = await mpo("config", "push", "pi-1", "--segments", "99");
    assert.equal(tooFine.code, EXIT_CODES.usage, tooFine.stderr);
    assert.match(tooFine.stderr, /--segments 99: the model has \d+ units/u);
    const unheard = await mpo("config", "push", "pi-1", "--train-layers", "nothing");
    assert.notEqual(unheard.code, EXIT_CODES.ok, "layers alone are a configuration, too");
    assert.match(unheard.stderr, /nothing/u);
    const other = await mpo("config", "push", "pi-1", "--method", "tent");
    assert.equal(other.code, EXIT_CODES.state, other.stderr);
    assert.match(other.stderr, /profile of tiny is for shot, and the document is to be for tent/u);
    const unknown = await mpo("config", "rollback", "pi-1", "--to", "9.9");
    assert.match(unknown.stderr, /pi-1 has no document 9\.9; its newest is 1\.\d+, and 16 before it are kept/u);

    const rollback = ["config", "rollback", "pi-1", "--to", `1.${newest}`, "--reason", "enough"];
    assert.equal((await mpo(...rollback, "--expect", `1.${newest}`)).code, EXIT_CODES.state);
    const back = await json(...rollback, "--expect", `1.${newest + 1}`, "--wait", "60s");
    assert.equal(back.code, EXIT_CODES.ok, back.stderr);
    assert.equal(back.records[1]?.["event"], "reported");
    const restored = back.records[0]?.["document"] as Facts | undefined;
    assert.deepEqual(restored?.["version"], { epoch: 1, version: newest + 2 });
    const again = (await json("config", "show", "pi-1")).records[0];
    const rungsOf = (document: Facts = {}): number => (document["rungs"] as readonly unknown[]).length;
    assert.equal(rungsOf(again), rungsOf(before));
    assert.equal((await json("config", "show", "pi-1", "--at", `1.${newest + 1}`)).code, EXIT_CODES.ok);

    // Who did it: the events name the call, and the follower saw them happen.
    const { records: events } = await json("events", "--device", "pi-1");
    const byHand = events.find(({ kind, actor }) => kind === "config-pushed" && actor !== "coordinator");
    assert.ok(String(byHand?.["actor"]).includes(String(requestId)), JSON.stringify(byHand));
    await follower.record(({ kind, device }) => kind === "config-rolled-back" && device === "pi-1");
    assert.match((await mpo("events")).stdout, /device-enrolled +pi-2/u);
    const verified = await json("events", "verify", "--since", "1h");
    const [{ event, entries, writers, findings } = {}] = verified.records;
    assert.deepEqual([verified.code, event, writers, findings], [0, "verified", 1, 0]);
    assert.ok(Number(entries) >= events.length);
    assert.match((await mpo("events", "verify")).stdout, /checked \d+ events, 1 to .*\n.*\n +\d+ are not signed/u);
    assert.equal((await mpo("events", "verify", "--device", "pi-1")).code, EXIT_CODES.usage);

    for (const command of ["devices show", "profiles show", "config show", "config explain", "config push"]) {
      const { stdout } = await mpo(...command.split(" "), "pi-1");
      assert.match(stdout, /^│ /mu, command);
      assert.deepEqual(linesOver80(stdout), [], command);
    }

    // One of its models is retrained.
    const serving = dirname(dirname(two.modelFolder));
    await cp(join(serving, "tiny"), join(serving, "other"), { recursive: true });
    const { stdout } = await eventually(
      () => mpo("devices", "show", "pi-2"),
      (outcome) => outcome.stdout.includes("only other is retrained"),
    );
    assert.match(
      stdout,
      /config +│ 1\.\d+ for other;[\s\S]*\n {2}for another model: mpo config push pi-2 --model tiny\n/u,
    );
    follower.signal("SIGINT");
    assert.equal((await follower.outcome).code, EXIT_CODES.cancelled);
  });

  it("retires, removes and renames devices, and exports what happened", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder, ["--heartbeat", "1s"]);
    const coordinator = String(ready["grpc"]);
    const mpo = (...args: readonly string[]): Promise<CommandOutcome> => runCommand([...args, ...at(coordinator)]);
    const device = await startTinyDevice(t, { device: "pi-1", coordinator, folder });
    await eventually(() => mpo("config", "show", "pi-1"), ok);
    const early = await mpo("devices", "remove", "pi-1", "--yes");
    assert.equal(early.code, EXIT_CODES.state, early.stderr);
    assert.match(early.stderr, /pi-1 is online[\s\S]*stop its agent first/u);
    await device.stop();
    await eventually(
      () => mpo("devices", "list"),
      ({ stdout }) => /pi-1 +offline/u.test(stdout),
    );

    // Who waits for a device that is away is told so.
    const waited = await mpo("config", "push", "pi-1", "--wait", "200ms");
    assert.equal(waited.code, EXIT_CODES.unavailable, waited.stderr);
    assert.match(waited.stderr, /: pi-1 is offline since \d{4}-.* ago; it will get 1\.\d+ when it is back/u);

    const asked = await mpo("devices", "retire", "--offline-for", "1ms");
    assert.equal(asked.code, EXIT_CODES.state);
    assert.match(asked.stderr, /there is no one to ask: retire this device[\s\S]*--dry-run, then give --yes/u);
    const dry = await mpo("devices", "retire", "--offline-for", "1ms", "--dry-run");
    assert.match(dry.stdout, /pi-1 +offline/u);
    assert.equal((await mpo("devices", "retire", "--offline-for", "1h", "--yes")).stdout, "no device to retire\n");
    const both = await mpo("devices", "retire", "pi-1", "--offline-for", "1ms", "--yes");
    assert.equal(both.code, EXIT_CODES.usage);

    const elsewhere = await mpo("devices", "retire", "--class", "other", "--yes");
    assert.equal(elsewhere.stdout, "no device to retire\n");

    const dryRename = await mpo("devices", "rename", "pi-1", "kitchen", "--dry-run");
    assert.equal(dryRename.stdout, "would rename pi-1 to kitchen\n");
    assert.equal((await mpo("devices", "show", "kitchen")).code, EXIT_CODES.state);
    assert.equal((await mpo("devices", "rename", "pi-1", "kitchen", "--yes")).code, EXIT_CODES.ok);
    await eventually(() => mpo("config", "show", "kitchen"), ok);
    const found = await mpo("events", "--device", "kitchen");
    assert.match(
      found.stdout,
      /device-enrolled +pi-1[\s\S]*config-pushed +pi-1[\s\S]*device-renamed +kitchen +from pi-1/u,
    );
    assert.equal((await mpo("devices", "retire", "kitchen", "--yes")).stdout.split("\n").at(-2), "retired kitchen");
    const none = await mpo("devices", "list", "--label", "site=none");
    assert.deepEqual([none.stdout, none.stderr], ["0 devices, 0 online\n", ""]);
    assert.match((await mpo("devices", "list")).stderr, /hint: start an agent on a device/u);
    assert.match((await mpo("devices", "list", "--retired")).stdout, /kitchen +retired/u);
    assert.equal((await mpo("devices", "remove", "--retired", "--yes")).stdout.split("\n").at(-2), "removed kitchen");
    assert.equal((await mpo("devices", "show", "kitchen")).code, EXIT_CODES.state);

    const file = join(folder, "events.ndjson");
    const exported = await mpo("events", "export", "--since", "1h", "--output", file);
    assert.equal(exported.code, EXIT_CODES.ok, exported.stderr);
    const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
    const kinds = lines.map((line) => (JSON.parse(line) as Facts)["kind"]);
    assert.deepEqual([kinds[0], kinds.at(-1)], ["device-enrolled", "device-removed"]);
    const shown = await mpo("events", "--since", "1h", "--json");
    assert.deepEqual(
      shown.records,
      lines.map((line) => JSON.parse(line) as Facts),
    );
    assert.equal((await mpo("events", "export", "--output", file)).code, EXIT_CODES.state, "nothing is overwritten");
    assert.equal((await mpo("events", "export", "--since", "1h", "--output", file, "--force")).code, EXIT_CODES.ok);
    const limited = await mpo("events", "export", "--limit", "3", "--output", `${file}.3`);
    assert.equal(limited.code, EXIT_CODES.usage);
    assert.equal((await mpo("events", "--since", "2020-01-01", "--until", "2020-02-01")).stdout, "");
  });

  it("tells why a device has no profile", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder);
    const coordinator = String(ready["grpc"]);
    await startTinyDevice(t, { device: BROKEN_DEVICE, coordinator, folder });
    const show = ["devices", "show", BROKEN_DEVICE, ...at(coordinator)];
    const { stdout } = await eventually(
      () => runCommand(show),
      (outcome) => outcome.stdout.includes("the probe of tiny failed"),
    );
    assert.match(
      stdout,
      /failed .* ago: nothing fits\. Free some memory\.\s+it is tried again in \d.* s at the earliest/u,
    );
    // The report is shown from when it is stored; its event is written then.
    const events = await eventually(
      () => runCommand(["events", ...at(coordinator)]),
      (outcome) => outcome.stdout.includes("probe-failed"),
    );
    assert.match(events.stdout, /probe-failed +broken +.*tiny, 1 in a row: nothing fits/u);
  });

  it("says what is wrong", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder);
    const there = at(ready["grpc"]);
    const refused: readonly { readonly args: readonly string[]; readonly code: number; readonly says: RegExp }[] = [
      { args: ["devices", "list", ...at("127.0.0.1:1")], code: 6, says: /hint: Start one with `mpo coordi/u },
      {
        args: ["events", "--follow", ...at("127.0.0.1:1")],
        code: 6,
        says: /127\.0\.0\.1:1 does not answer/u,
      },
      {
        args: ["devices", "show", "nobody", ...there],
        code: 4,
        says: /no device nobody[\s\S]*hint: List the devices/u,
      },
      { args: ["devices", "show", "no/body", ...there], code: 2, says: /Expected 1 to 64 characters/u },
      { args: ["profiles", "show", "nobody", ...there], code: 4, says: /no device nobody/u },
      { args: ["profiles", "export", "nobody", ...there], code: 2, says: /--output/u },
      { args: ["config", "show", "nobody", ...there], code: 4, says: /no device nobody/u },
      { args: ["config", "explain", "nobody", ...there], code: 4, says: /no device nobody/u },
      { args: ["config", "push", "nobody", ...there], code: 4, says: /no device nobody/u },
      { args: ["config", "push", "nobody", "--model", "x", "--memory", "1MiB", ...there], code: 2, says: /Give both/u },
      { args: ["config", "push", "nobody", "--expect", "1", ...there], code: 2, says: /version, such as 1\.4/u },
      { args: ["config", "rollback", "nobody", ...there], code: 4, says: /nobody/u },
      { args: ["devices", ...there], code: 2, says: /unknown option|hint:/u },
    ];
    for (const { args, code, says } of refused) {
      const outcome = await runCommand(args);
      assert.match(outcome.stderr, says, args.join(" "));
      assert.equal(outcome.code, code, args.join(" "));
    }
  });

  it("is followed over a restart of the coordinator", async (t) => {
    const folder = await testFolder(t);
    const before = await startCoordinator(t, folder);
    const address = String(before.ready["grpc"]);
    const follow = ["events", "--follow", "--json", ...at(address)];
    let noticed = (): void => undefined;
    const isAway = new Promise<void>((resolve) => {
      noticed = resolve;
    });
    const follower = startCommand(follow, { onError: (stderr) => void (stderr.includes("is away") && noticed()) });
    t.after(() => follower.signal("SIGINT"));
    await startTinyDevice(t, { device: "pi-1", coordinator: address, folder });
    await follower.record(({ kind, device }) => kind === "device-enrolled" && device === "pi-1");
    await before.stop();
    await isAway;
    await startCoordinator(t, folder, ["--listen", address]);
    await startTinyDevice(t, { device: "pi-2", coordinator: address, folder });
    await follower.record(({ kind, device }) => kind === "device-enrolled" && device === "pi-2");
    follower.signal("SIGINT");
    const { records, stderr } = await follower.outcome;
    const places = records.map(({ sequence }) => Number(sequence));
    assert.deepEqual(
      places,
      [...new Set(places)].toSorted((left, right) => left - right),
      "each once, in order",
    );
    assert.match(stderr, /is back/u);
  });
});
