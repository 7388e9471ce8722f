import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { it } from "node:test";
import { FaultyLink } from "./faulty-link.ts";

const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;

it("a link that is late keeps nothing once it is stopped", async (t) => {
  const echo = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  t.after(() => echo.close());
  const link = await FaultyLink.to((echo.address() as AddressInfo).port);
  const socket = connect(link.port, "127.0.0.1").on("error", () => undefined);
  socket.write("open");
  assert.equal(String((await once(socket, "data"))[0]), "open");
  link.set({ kind: "late", ms: 20 });
  socket.write("late");
  assert.equal(String((await once(socket, "data"))[0]), "late");

  const before = timers();
  link.set({ kind: "late", ms: 3_600_000 });
  socket.write("never");
  while (timers() === before) await new Promise(setImmediate);
  await link.stop();
  assert.equal(timers(), before);
});
