import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { MpoError } from "@mpo/core";
import { LOADER_OPTIONS, PROTO_FILES, PROTO_FOLDER } from "./load.ts";

/** The generator's command line for `LOADER_OPTIONS`: types and loader must not drift apart. */
function generatorArguments(outFolder: string): readonly string[] {
  const flags = (["keepCase", "defaults", "arrays", "objects", "oneofs"] as const).filter(
    (name) => LOADER_OPTIONS[name],
  );
  return [
    ...flags.map((name) => `--${name}`),
    "--longs=String",
    "--enums=String",
    "--grpcLib=@grpc/grpc-js",
    "--importFileExtension=.ts",
    "--includeDirs=.",
    `--outDir=${outFolder}`,
    ...PROTO_FILES,
  ];
}

/** Writes the TypeScript types of the proto files with proto-loader's generator. Throws `internal` with its output. */
export function generateTypes(outFolder: string): void {
  const loader = dirname(createRequire(import.meta.url).resolve("@grpc/proto-loader/package.json"));
  const script = join(loader, "build", "bin", "proto-loader-gen-types.js");
  const { status, stderr } = spawnSync(process.execPath, [script, ...generatorArguments(outFolder)], {
    // The generator writes the paths that it is given into its output: they must not name this machine's folders.
    cwd: PROTO_FOLDER,
    encoding: "utf8",
  });
  if (status !== 0) throw new MpoError("internal", `the types of the proto files could not be generated: ${stderr}`);
}

if (process.argv[1] === import.meta.filename) {
  const folder = join(import.meta.dirname, "../src/gen");
  // What the proto files no longer have must go.
  rmSync(folder, { recursive: true, force: true });
  generateTypes(folder);
}
