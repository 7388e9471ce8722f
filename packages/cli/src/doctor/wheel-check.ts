import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LibraryWheel } from "@mpo/engine";
import type { DoctorContext, Finding } from "./check.ts";

/** The release that everything is tested with. */
const PINNED = "2.15.1";
/** What the engine was tried with, by release line (`npm run test:wheels`; deploy/guides/set-up.md has the whole of it). */
const TRIED: Readonly<Record<string, string>> = {
  "2.12": "gradients, on x86_64",
  "2.13": "gradients, on x86_64",
  "2.14": "gradients, on x86_64",
  "2.16": "gradients and limits of memory, on x86_64, and gradients on emulated arm64",
  "2.17": "gradients and limits of memory, on x86_64, and gradients on emulated arm64",
  "2.18": "gradients and limits of memory, on x86_64, and gradients on emulated arm64",
  "2.19": "gradients and limits of memory, on x86_64",
  "2.20": "all tests of the engine, on x86_64",
  "2.21": "all tests of the engine, on x86_64",
};

/** Which wheel the library comes from, what was tried with it, and what an owner of a Jetson does for its GPU. */
export async function checkWheel(
  { systemRoot, environment }: DoctorContext,
  read: () => Promise<LibraryWheel | undefined> = () => ownWheel(environment),
): Promise<Finding> {
  const [facts, isJetson] = await Promise.all([read(), isOnJetson(systemRoot)]);
  if (facts === undefined) {
    const found = "the set-up has noted none: the library was put there by hand";
    return { state: "ok", found };
  }
  const { wheel, version } = facts;
  const found = `${wheel}: ${triedWith(version)}`;
  if (isJetson && !version.includes("+nv")) {
    return {
      state: "warning",
      found: `${found}. It computes on the processor, not on the Jetson's GPU`,
      fix: FOR_CUDA,
    };
  }
  if (version.includes("+nv")) {
    const fix = "Look at the first windows: `mpo devices show` has what was predicted, and what was seen.";
    return { state: "warning", found: `${found}. Memory on a GPU is not predicted`, fix };
  }
  return { state: "ok", found };
}

const FOR_CUDA =
  "For CUDA, download NVIDIA's wheel for this JetPack (its guide: Installing TensorFlow for Jetson Platform), name the file in MPO_TENSORFLOW_WHEEL, and run `npm run setup`. No such wheel was tried; on the processor all works as it is.";

function triedWith(version: string): string {
  if (version === PINNED) return "everything is tested with it";
  const [, release = ""] = /^(\d+\.\d+)\./u.exec(version) ?? [];
  const what = TRIED[release];
  if (what === undefined) return "nothing was tried with this release";
  return version.includes("+nv") ? `of PyPI's ${release} were tried ${what}` : `tried were ${what}`;
}

async function isOnJetson(systemRoot: string): Promise<boolean> {
  const read = (path: string): Promise<string> => readFile(join(systemRoot, path), "utf8").catch(() => "");
  const [model, release] = await Promise.all([read("proc/device-tree/model"), read("etc/nv_tegra_release")]);
  return release !== "" || /jetson/iu.test(model);
}

/** Loaded here: the other checks need no engine. */
async function ownWheel(environment: DoctorContext["environment"]): Promise<LibraryWheel | undefined> {
  const { findEngine } = await import("@mpo/engine");
  return findEngine(environment).library;
}
