/**
 * Loaded into every fast test: what starts a process or loads TensorFlow fails there and then, so that no slow test is
 * among the fast ones.
 */
import childProcess from "node:child_process";
import { syncBuiltinESMExports } from "node:module";

/** @returns {never} */
function refuse() {
  throw new Error("a fast test starts no process and loads no TensorFlow: call the file *.slow.test.ts");
}

// The runner itself starts a process for each file, and loads this too.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  const names = ["exec", "execFile", "execFileSync", "execSync", "fork", "spawn", "spawnSync"];
  Object.assign(childProcess, Object.fromEntries(names.map((name) => [name, refuse])));
  syncBuiltinESMExports();
  const { dlopen } = process;
  process.dlopen = (module, file, ...flags) =>
    file.includes("tfjs") ? refuse() : dlopen.call(process, module, file, ...flags);
}
