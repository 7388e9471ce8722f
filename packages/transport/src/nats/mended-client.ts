import { NodeTransport } from "nats/lib/src/node_transport.js";

/**
 * Mends the client's library (2.29.3, node_transport.js), for servers that are stopped or cut off and end no connection.
 *
 * - A server may accept a connection and say nothing until the attempt is given up. The library let such a connection
 *   live: when the server went on and it ended, the one in use was taken for lost, and another opened beside it. What came
 *   over both was then read as one stream, and messages were delivered that held parts of others.
 * - A connection was ended when all that waited for the server was sent: to one that takes nothing any more, never.
 */
export function mendClient(): void {
  if (isMended) return;
  isMended = true;
  const { connect, close } = NodeTransport.prototype;
  NodeTransport.prototype.connect = async function connectUnlessGivenUp(this: NodeTransport, ...to) {
    await connect.apply(this, to);
    if (this.done) this.socket?.destroy();
  };
  NodeTransport.prototype.close = async function closeOrGiveUp(this: NodeTransport, error) {
    if (this.connected) return await close.call(this, error);
    this.done = true;
    this.socket?.destroy();
  };
  NodeTransport.prototype.disconnect = function disconnectAtOnce(this: NodeTransport) {
    this.socket?.destroy();
  };
}

let isMended = false;
