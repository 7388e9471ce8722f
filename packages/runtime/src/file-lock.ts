import { spawn } from "node:child_process";
import { MpoError } from "@mpo/core";
import { systemErrorCode } from "@mpo/io";

/** The exit code of flock(1) for a lock that another process holds. */
const HELD = 1;

/**
 * Takes the kernel's exclusive lock (flock(2)) on an open file; false: another one holds it. It belongs to the open file,
 * not to a process: it ends when the last descriptor of this opening is closed, also by kill -9, and it is one for all
 * containers that see the file. Node cannot take it, so flock(1) does, on a descriptor that it inherits: its end leaves the
 * lock with ours. Children that inherit the descriptor hold it. Throws `unsupported` where there is no such lock.
 */
export async function lockFile(descriptor: number, path: string): Promise<boolean> {
  const child = spawn("flock", ["--exclusive", "--nonblock", "3"], { stdio: ["ignore", "ignore", "pipe", descriptor] });
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", (cause) => {
      const isMissing = systemErrorCode(cause) === "ENOENT";
      const hint =
        "Install util-linux, whose program flock takes the lock (Debian, Ubuntu: apt-get install util-linux).";
      const message = isMissing ? "the program flock is not in PATH" : `flock could not be started: ${cause.message}`;
      reject(new MpoError("precondition-failed", message, { cause, ...(isMissing ? { hint } : {}) }));
    });
    child.once("close", resolve);
  });
  if (code === 0 || code === HELD) return code === 0;
  throw new MpoError("unsupported", `${path} cannot be locked: ${said.trim() || `flock ended with ${code}`}`, {
    hint: "Use a file system that has flock(2), such as a local disk.",
  });
}
