import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MAX_EARLIER } from "@mpo/protocol";
import { silentLogger as logger } from "@mpo/runtime";
import { MemoryDisk } from "../testing/memory-disk.ts";
import { noteStart } from "./own-starts.ts";

void describe("the starts of a data folder", () => {
  void it("are counted, and each continues from those before it; a copy continues from the same ones", async () => {
    const disk = new MemoryDisk();
    assert.deepEqual(await noteStart("a", { disk, logger }), { startCount: 1 });
    assert.deepEqual(await noteStart("b", { disk, logger }), { startCount: 2, earlierIds: ["a"] });
    const copy = new MemoryDisk();
    disk.copyTo(copy);
    for (const [id, on] of [["c", disk] as const, ["d", copy] as const]) {
      assert.deepEqual(await noteStart(id, { disk: on, logger }), { startCount: 3, earlierIds: ["b", "a"] });
    }
    for (let at = 0; at < 40; at++) await noteStart(`e${at}`, { disk, logger });
    const { startCount, earlierIds } = await noteStart("f", { disk, logger });
    assert.deepEqual([startCount, earlierIds?.length, earlierIds?.[0]], [44, MAX_EARLIER, "e39"]);
  });

  void it("begin again where they cannot be read, and are not counted where they cannot be written", async () => {
    const disk = new MemoryDisk();
    await disk.write("starts", Buffer.from("{"));
    assert.deepEqual(await noteStart("a", { disk, logger }), { startCount: 1 });
    const full = new MemoryDisk(() => "full");
    assert.deepEqual(await noteStart("a", { disk: full, logger }), { startCount: 0 });
  });
});
