import assert from "node:assert/strict";
import { it } from "node:test";
import { MpoError } from "@mpo/core";
import { silentLogger } from "@mpo/runtime";
import type { NatsLink } from "@mpo/transport";
import { openStore } from "./open-store.ts";
import type { RunIdentity } from "./run-identity.ts";

const lack = (cause?: MpoError): MpoError =>
  new MpoError("precondition-failed", "NATS has no JetStream for the fleet's account", { cause });

const CASES = [
  ["waits for what a server that starts does not have yet", lack(new MpoError("unavailable", "JetStream: 503")), 2],
  ["waits for a cluster that chooses who leads", new MpoError("timed-out", "JetStream: TIMEOUT"), 2],
  ["does not wait for what will not come", lack(), 1],
] as const;

for (const [what, first, checks] of CASES) {
  void it(`a coordinator ${what}`, async () => {
    const second = new MpoError("internal", "checked again");
    const errors: MpoError[] = [first, second];
    let checked = 0;
    const identity = {
      check: async () => {
        throw errors[checked++]!;
      },
    } as unknown as RunIdentity;
    const parts = { identity, server: undefined, logger: silentLogger, signal: new AbortController().signal };
    const opening = openStore({} as NatsLink, { ...parts, nats: { kind: "external", servers: ["tls://127.0.0.1:1"] } });
    await assert.rejects(opening, { message: checks === 2 ? second.message : first.message });
    assert.equal(checked, checks);
  });
}
