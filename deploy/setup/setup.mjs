// The entry of the set-up. It keeps to old syntax and loads the rest only on a Node that can run it.
import { nodeRangeFailure } from "./node-range.mjs";

const failure = nodeRangeFailure(process.version);
if (failure === "") {
  void import("./run-setup.mjs").then((steps) =>
    steps.runSetup(process.argv.slice(2), process.env).then((code) => {
      process.exitCode = code;
    }),
  );
} else {
  process.stderr.write(`${failure}\n`);
  process.exitCode = 1;
}
