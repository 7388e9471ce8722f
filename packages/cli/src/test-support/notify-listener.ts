import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";

/** A service manager's socket, which Node cannot listen on. It also closes what a sender waits for: a barrier. */
const LISTENER = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
listener.bind(sys.argv[1])
print("listens", flush=True)
while True:
    data, descriptors, _, _ = socket.recv_fds(listener, 4096, 4)
    for descriptor in descriptors:
        os.close(descriptor)
    for line in data.decode().splitlines():
        if line != "BARRIER=1":
            print(line, flush=True)
`;

/** What a process says to its service manager. */
export interface NotifyListener {
  readonly socket: string;
  /** All that was said, in order. */
  readonly said: readonly string[];
  /** Waits until something was said, now or later. */
  until(what: (said: readonly string[]) => boolean, ms?: number): Promise<void>;
}

/** Listens on a socket, as systemd does, until the test is over. */
export async function listenAsManager(t: TestContext, socket: string): Promise<NotifyListener> {
  const listener: ChildProcess = spawn("python3", ["-c", LISTENER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => listener.kill());
  const said: string[] = [];
  if (listener.stdout === null) throw new Error("the listener has no output");
  const lines = createInterface({ input: listener.stdout });
  await new Promise((resolve) => lines.once("line", resolve));
  lines.on("line", (line) => said.push(line));
  return {
    socket,
    said,
    until: async (what, ms = 30_000) => {
      for (const endMs = Date.now() + ms; !what(said); ) {
        if (Date.now() > endMs) throw new Error(`it was not said within ${ms} ms; said: ${said.join("; ")}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
  };
}
