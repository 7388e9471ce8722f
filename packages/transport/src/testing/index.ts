export { MemoryNotifyHub } from "./memory-notify-bus.ts";
export { MemoryStateServer } from "./memory-state-server.ts";
export { openLink, skip, startServer } from "./nats-room.ts";
