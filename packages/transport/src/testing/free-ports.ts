import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

/** Ports that are free now, for processes that must know of each other before they start, or come back where they were. */
export async function freePorts(count: number): Promise<readonly number[]> {
  // All at the same time: each has another one.
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
