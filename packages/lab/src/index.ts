import type { CommandEntry } from "@mpo/cli";

export const COMMANDS: readonly CommandEntry[] = [
  [
    "report",
    "write one HTML page that shows what was chosen from a profile, and why",
    () => import("./commands/report.ts"),
  ],
  ["demo", "run a small fleet here, let its images drift, and show how it copes", () => import("./commands/demo.ts")],
  ["example-app", "serve a model beside an agent, with images that drift", () => import("./commands/example-app.ts")],
  ["bench", "measure, side by side with other systems", () => import("./commands/bench.ts")],
];
