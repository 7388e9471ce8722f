import assert from "node:assert/strict";
import { test } from "node:test";
import type { HelloRequest, Label } from "@mpo/protocol";
import { Enrolling } from "./enrolling.ts";

const label = (value: string): Label => ({ name: "site", value });

void test("a hello does not take back labels that another coordinator gave, and this one does not know yet", async () => {
  // The last of them is given while the hello is stored.
  const given = [label("hall-1"), label("hall-2")];
  const stored: (readonly Label[])[] = [];
  const parts = {
    registry: {
      introduce: async ({ labels }: HelloRequest) => {
        stored.push(labels);
        return { before: stored.length === 1 ? undefined : {}, record: {} };
      },
    },
    identities: {
      enrolments: {
        get: () => undefined,
        load: async () => ({ labels: [given[Math.min(stored.length, given.length) - 1]] }),
      },
    },
  };
  const enrolling = new Enrolling(
    parts as unknown as ConstructorParameters<typeof Enrolling>[0],
    {} as ConstructorParameters<typeof Enrolling>[1],
  );
  const own = { name: "own", value: "1" };
  const request = { identity: { tenant: "default", device: "cam" }, labels: [own] } as unknown as HelloRequest;
  const { before } = await enrolling.introduceLabelled(request, { signal: AbortSignal.abort() });
  assert.equal(before, undefined);
  assert.deepEqual(stored, [[own], [own, given[0]], [own, given[1]]]);
});
