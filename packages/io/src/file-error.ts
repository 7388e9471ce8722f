import { MpoError, type MpoErrorCode } from "@mpo/core";

interface KnownFailure {
  readonly code: MpoErrorCode;
  readonly hint?: string;
}

const DISK_FULL: KnownFailure = {
  code: "unavailable",
  hint: "The disk is full: free space or move the folder to a larger disk.",
};
const NOT_ALLOWED: KnownFailure = {
  code: "precondition-failed",
  hint: "Check owner and permissions of the file and its folder.",
};

const KNOWN: ReadonlyMap<string, KnownFailure> = new Map<string, KnownFailure>([
  ["ENOENT", { code: "not-found" }],
  ["ENOTDIR", { code: "not-found" }],
  ["EEXIST", { code: "already-exists" }],
  ["EISDIR", { code: "precondition-failed", hint: "A folder stands where a file was expected." }],
  ["EACCES", NOT_ALLOWED],
  ["EPERM", NOT_ALLOWED],
  ["EROFS", NOT_ALLOWED],
  ["ENOSPC", DISK_FULL],
  ["EDQUOT", DISK_FULL],
  ["EFBIG", DISK_FULL],
]);

/** The `code` of a system error ("ENOENT"), or undefined if it is not one. */
export function systemErrorCode(thrown: unknown): string | undefined {
  const code: unknown = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Translates a failed file operation: `fileError(thrown, "write", path)`. A full disk becomes `unavailable`. */
export function fileError(thrown: unknown, action: string, path: string): MpoError {
  if (thrown instanceof MpoError) return thrown;
  const known = KNOWN.get(systemErrorCode(thrown) ?? "");
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  return new MpoError(known?.code ?? "internal", `cannot ${action} ${path}: ${reason}`, {
    cause: thrown,
    hint: known?.hint,
  });
}
