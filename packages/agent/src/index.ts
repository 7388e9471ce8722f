export type { AgentPorts } from "./core/agent-ports.ts";
