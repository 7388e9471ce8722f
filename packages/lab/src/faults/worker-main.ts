import { setTimeout } from "node:timers/promises";
import { serveCalls } from "@mpo/io";
import type { PretendCalls } from "./process-engine.ts";

/** A process that works for a while and says so: it stands for the one that trains, and can be killed like it. */
serveCalls<PretendCalls>({ work: (ms) => setTimeout(ms, null) });
