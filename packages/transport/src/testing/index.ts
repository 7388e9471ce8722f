export { freePorts } from "./free-ports.ts";
export { MemoryNotifyHub } from "./memory-notify-bus.ts";
export { MemoryStateServer, type MemoryStateServerOptions } from "./memory-state-server.ts";
export { type ClusterNode, type ClusterSurroundings, NatsCluster } from "./nats-cluster.ts";
export { binary, openLink, skip, startServer } from "./nats-room.ts";
