import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** How a link is: as wires are, with nothing passing, or with everything late by so many milliseconds. */
export type LinkState =
  | { readonly kind: "open" }
  | { readonly kind: "cut" }
  | { readonly kind: "late"; readonly ms: number };

const OPEN: LinkState = { kind: "open" };

/** A wire between two servers: what is sent to its port goes to another, as long as it is not cut. */
export class FaultyLink {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state = OPEN;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async to(port: number): Promise<FaultyLink> {
    const server = createServer();
    const link = new FaultyLink(server);
    server.on("connection", (near) => link.#join(near, port));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** As a switch that is unplugged: connections stay, and nobody hears anything. */
  set(state: LinkState): void {
    const wasCut = this.#state.kind === "cut";
    this.#state = state;
    if (!wasCut) return;
    // What was sent meanwhile is lost, so that its streams are of no use any more.
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  async stop(): Promise<void> {
    const sockets = [...this.#pairs].flat();
    const closed = [this.#server, ...sockets.filter((socket) => !socket.closed)].map((one) => once(one, "close"));
    for (const socket of sockets) socket.destroy();
    this.#server.close();
    await Promise.all(closed);
  }

  #join(near: Socket, port: number): void {
    const far = dial(port, "127.0.0.1");
    const pair = [near, far] as const;
    const late = new Set<NodeJS.Timeout>();
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near] as const]) {
      from.setNoDelay(true);
      from.on("data", (bytes) => this.#pass(bytes, to, late));
      from.once("error", () => from.destroy());
      from.once("close", () => {
        to.destroy();
        for (const timer of late) clearTimeout(timer);
        this.#pairs.delete(pair);
      });
    }
  }

  /** In order: a later piece is never less late while the state stays. */
  #pass(bytes: Buffer, to: Socket, late: Set<NodeJS.Timeout>): void {
    if (this.#state.kind === "cut") return;
    if (this.#state.kind === "open") {
      to.write(bytes);
      return;
    }
    const timer = setTimeout(() => {
      late.delete(timer);
      to.write(bytes);
    }, this.#state.ms);
    late.add(timer);
  }
}
