import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bytesWithin } from "./bytes-within.ts";

async function* stream(sizes: readonly number[], onRead: () => void = () => undefined): AsyncGenerator<Uint8Array> {
  for (const size of sizes) {
    onRead();
    yield new Uint8Array(size).fill(size);
  }
}

void describe("the bytes of a stream", () => {
  it("are all of them, up to the most", async () => {
    assert.deepEqual([...((await bytesWithin(stream([1, 2, 3]), 6)) ?? [])], [1, 2, 2, 3, 3, 3]);
    assert.equal((await bytesWithin(stream([]), 0))?.length, 0);
  });

  it("are none where there are more, and the rest is not read", async () => {
    let reads = 0;
    const onRead = (): void => {
      reads += 1;
    };
    assert.equal(await bytesWithin(stream([4, 4, 4], onRead), 7), undefined);
    assert.equal(reads, 2);
  });
});
