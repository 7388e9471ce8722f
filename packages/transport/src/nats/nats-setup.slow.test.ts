import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock } from "@mpo/io";
import { deviceKey } from "@mpo/protocol";
import { FLEET_LAYOUT } from "../store/fleet-layout.ts";
import { freePorts } from "../testing/free-ports.ts";
import { TestIdentities } from "../testing/nats-identities.ts";
import { binary, type Ends, openLink, skip, temporaryFolder } from "../testing/nats-room.ts";
import { bytes, text } from "../testing/state-store-contract.ts";
import { openExistingStore, openJetstreamStore } from "./jetstream/jetstream-state-store.ts";
import { NatsLink } from "./nats-link.ts";
import { checkNatsIdentities, natsSetup } from "./nats-setup.ts";
import { pushAccount } from "./push-account.ts";
import { tlsText } from "./server/server-config.ts";

const KEY = deviceKey({ tenant: "Plant-A", device: "Pi_4" });

/** A server as others run it: with a configuration of theirs. Returns its URL. */
async function startOthers(t: Ends, identities: TestIdentities, config: string): Promise<string> {
  const folder = await temporaryFolder(t);
  const [port] = (await freePorts(1)) as [number];
  const { certificatePem, privateKeyPem } = identities.tls.current();
  await writeFile(join(folder, "nats.pem"), `${certificatePem}${privateKeyPem}`);
  await writeFile(
    join(folder, "nats.conf"),
    `listen: "127.0.0.1:${port}"
${config}`,
  );
  const child = spawn(binary().path, ["--config", "nats.conf", "--log", "nats.log"], { cwd: folder, stdio: "ignore" });
  t.after(async () => {
    const ended = once(child, "exit");
    if (child.exitCode === null && child.kill("SIGKILL")) await ended;
  });
  return `tls://127.0.0.1:${port}`;
}

const JETSTREAM = "jetstream { store_dir: js, sync_interval: always }";

/** Connects as a coordinator does, and checks. */
async function check(t: Ends, identities: TestIdentities, url: string): Promise<void> {
  const waiting = { waitsForServer: true };
  const coordinator = await openLink(t, { ...identities.role(url, "coordinator"), ...waiting });
  const system = await openLink(t, { ...identities.role(url, "system"), ...waiting });
  await checkNatsIdentities({ coordinator, system }, identities.claims());
}

void test("servers of others serve a fleet with what the set-up printed", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const nowMs = Date.now();
  const times = { nowMs, expiresAtMs: nowMs + 3_600_000 };
  const setup = natsSetup(identities.authority, identities.claims(), {
    ...times,
    accountsFolder: "accounts",
    pairFile: "nats.pem",
  });
  const url = await startOthers(t, identities, `${JETSTREAM}\n${setup.config}`);
  await check(t, identities, url);
  const creds = { kind: "creds" as const, read: () => setup.coordinatorCreds };
  const link = await openLink(t, { ...identities.role(url, "coordinator"), credentials: creds });
  const store = await openJetstreamStore(link, { layout: FLEET_LAYOUT });
  await store.put("desired", KEY, bytes("1"));
  const settings = identities.device(url, KEY);
  const device = await openLink(t, settings);
  const read = await (await openExistingStore(device, FLEET_LAYOUT)).get("desired", KEY, { consistency: "any" });
  assert.equal(text(read?.value), "1");
  const jwt = settings.credentials.jwt();
  identities.revocations.set(settings.publicNkey, Date.now());
  await pushAccount(await openLink(t, identities.role(url, "system")), identities.revokedClaims());
  const stolen = { ...settings, credentials: { ...settings.credentials, jwt: () => jwt } };
  await assert.rejects(NatsLink.open(stolen), { code: "unauthenticated" });
  // A coordinator that starts, before it knows who is revoked.
  await check(t, identities, url);
  await assert.rejects(NatsLink.open(stolen), { code: "unauthenticated" });
});

void test("what servers of others lack is said", { skip }, async (t) => {
  const identities = await TestIdentities.make();
  const times = { nowMs: Date.now(), expiresAtMs: Date.now() + 3_600_000 };
  const { config } = natsSetup(identities.authority, identities.claims(), {
    ...times,
    accountsFolder: "accounts",
    pairFile: "nats.pem",
  });
  const memory = config.replace(/resolver \{.*\}/u, "resolver: MEMORY");
  assert.notEqual(memory, config);
  const faults = [
    { config: `${JETSTREAM}\n${tlsText("nats.pem")}`, says: /trusts no operator/u },
    { config, says: /no JetStream/u },
    { config: `${JETSTREAM}\n${memory}`, says: /takes no new accounts/u },
  ];
  for (const { config: faulty, says } of faults) {
    const url = await startOthers(t, identities, faulty);
    await assert.rejects(check(t, identities, url), {
      code: "precondition-failed",
      message: says,
      hint: /nats setup/u,
    });
  }
  const foreign = await TestIdentities.make();
  const { config: others } = natsSetup(foreign.authority, foreign.claims(), {
    ...times,
    accountsFolder: "accounts",
    pairFile: "nats.pem",
  });
  const url = await startOthers(t, identities, `${JETSTREAM}\n${others}`);
  await systemClock.sleep(500);
  await assert.rejects(NatsLink.open(identities.role(url, "coordinator")), { code: "unauthenticated" });
});
