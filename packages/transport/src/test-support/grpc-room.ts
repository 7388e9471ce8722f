import { createConnection, createServer, type Socket } from "node:net";
import { MpoError } from "@mpo/core";
import type { FleetServiceMethods, HeartbeatRequest, HeartbeatResponse } from "@mpo/protocol";
import { createFleetClient, type FleetClient } from "../grpc/fleet-client.ts";
import { fleetService, type GrpcServer, type GrpcServerOptions, startGrpcServer } from "../grpc/grpc-server.ts";
import type { HandlersOf } from "../grpc/served-method.ts";
import type { ServiceClientOptions } from "../grpc/service-client.ts";
import type { Ends } from "../testing/nats-room.ts";

export const IDENTITY = { tenant: "acme", device: "pi-4" };

export const HEARTBEAT: HeartbeatRequest = {
  identity: IDENTITY,
  resources: { measuredAtMs: 1, memoryAvailableBytes: 1, diskFreeBytes: 1, loadAverage: 0, isThrottled: false },
  conditions: [],
};

export const ALIVE: HeartbeatResponse = { serverTimeMs: 5, heartbeatSeconds: 30, needsHello: false };

/** Handlers of which each test brings its own. */
export function handlers(own: Partial<HandlersOf<FleetServiceMethods>> = {}): HandlersOf<FleetServiceMethods> {
  const refuse = (): Promise<never> => Promise.reject(new MpoError("unsupported", "not in this test"));
  return {
    enroll: refuse,
    hello: refuse,
    reportProfile: refuse,
    reportProfilePart: refuse,
    fetchProfile: refuse,
    reportStatus: refuse,
    getArtifact: refuse,
    getArtifactChunk: refuse,
    heartbeat: () => Promise.resolve(ALIVE),
    ...own,
  };
}

/** A server on a free port that ends with the test. */
export async function startFleet(
  t: Ends,
  own: Partial<HandlersOf<FleetServiceMethods>> = {},
  options: Partial<GrpcServerOptions> = {},
): Promise<GrpcServer> {
  const server = await startGrpcServer({ services: [fleetService(handlers(own))], ...options });
  t.after(() => server.stop({ graceMs: 0 }));
  return server;
}

/** A client that ends with the test, and does not repeat calls unless asked to. */
export function connectFleet(t: Ends, target: string, options: Partial<ServiceClientOptions> = {}): FleetClient {
  const client = createFleetClient({ targets: [target], retries: 0, ...options });
  t.after(() => Promise.resolve(client.close()));
  return client;
}

/** A TCP server that ends with the test: it hands every connection to `onSocket`. */
export async function startTcp(t: Ends, onSocket: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  t.after(
    () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  );
  const address = server.address();
  if (address === null || typeof address === "string") throw new MpoError("internal", "no port");
  return address.port;
}

/** Carries bytes between two sockets until either ends. */
export function join(socket: Socket, port: number): void {
  const other = createConnection(port, "127.0.0.1");
  other.on("error", () => socket.destroy());
  other.on("close", () => socket.destroy());
  socket.on("close", () => other.destroy());
  socket.pipe(other).pipe(socket);
}
