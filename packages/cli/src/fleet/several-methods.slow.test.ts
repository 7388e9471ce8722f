import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SEARCHED_METHODS } from "@mpo/core";
import { EXIT_CODES } from "@mpo/runtime";
import { at, noNatsServer, startCoordinator, testFolder } from "../test-support/fleet-room.ts";
import { startTinyDevice } from "../test-support/tiny-device.ts";
import { runCommand } from "../testing/run-command.ts";

type Found = Readonly<Record<string, unknown>>;
interface OfMethod {
  readonly method?: string;
}

describe("a fleet whose agents may run any method", { skip: noNatsServer, timeout: 180_000 }, () => {
  it("searches all that raced, and runs each rung by its own", async (t) => {
    const folder = await testFolder(t);
    const { ready } = await startCoordinator(t, folder);
    const coordinator = String(ready["grpc"]);
    const ran: string[] = [];
    const { agent } = await startTinyDevice(t, {
      ...{ device: "pi-1", coordinator, folder, settings: { methods: SEARCHED_METHODS } },
      retrain: async ({ method, rung: { config, memoryBytes } }) => {
        ran.push(method);
        const seen = {
          plannedBytes: Math.round(memoryBytes.expected),
          peakBytes: 1_000_000,
          stepMs: [5],
          overheadMs: 100,
        };
        const judged = {
          judgement: "label-free",
          judgedSamples: 256,
          accuracyBefore: 0.5,
          accuracyAfter: 0.5,
        } as const;
        return { ...seen, ...judged, config, isAccepted: false, reason: "as good as before", steps: 8 };
      },
    });
    const found = async (...args: readonly string[]): Promise<Found> => {
      for (;;) {
        const { code, records } = await runCommand([...args, ...at(coordinator), "--json"]);
        if (code === EXIT_CODES.ok && records[0] !== undefined) return records[0];
        await new Promise((wake) => setTimeout(wake, 50));
      }
    };
    const { document, methods } = await found("config", "explain", "pi-1");
    const { rungs } = document as { readonly rungs: readonly OfMethod[] };
    const brought = (methods as readonly OfMethod[]).map(({ method }) => method);
    assert.deepEqual(brought.toSorted(), ["shot", "tent"]);
    assert.equal(rungs.at(-1)?.method, brought[0]);
    assert.ok(rungs.every(({ method }) => method === "tent" || method === "shot"));
    const { stdout } = await runCommand(["config", "explain", "pi-1", ...at(coordinator)]);
    assert.match(stdout, /methods: accuracy by each alone: (tent|shot) \d+\.\d %, (tent|shot) \d+\.\d %/u);
    assert.match(stdout, /each method[\s\S]*│ tent +│/u);

    while (agent.snapshot().rung === undefined) await new Promise((wake) => setTimeout(wake, 50));
    agent.openWindow("tiny");
    for (;;) {
      const { windows } = (await found("devices", "show", "pi-1")) as {
        readonly windows: readonly { rung: OfMethod }[];
      };
      if (windows[0] === undefined) continue;
      assert.deepEqual([windows[0].rung.method], ran);
      break;
    }
    assert.ok(ran.every((method) => rungs.some((rung) => rung.method === method)));
    const profile = await runCommand(["profiles", "show", "pi-1", ...at(coordinator)]);
    assert.match(profile.stdout, /shot with momentum, effective batch \d+; beside it tent/u);
  });
});
