import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { findProgram, lastLines, runChild } from "../setup/child.mjs";
import { temporaryFolder } from "../setup/test-room.mjs";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const COMPOSE_FILE = join(HERE, "../compose.yaml");
/** Brings the schemas of its Kubernetes versions along. */
const VALIDATOR = "kubernetes-validate==1.37.0";
const KUBERNETES = ["1.31", "1.34"];
/** Docker's own reader of compose files, with its schema. */
const COMPOSE_READER = "github.com/compose-spec/compose-go/v2@v2.16.2";
const READ_COMPOSE = `package main

import (
	"context"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
)

func main() {
	options, err := cli.NewProjectOptions(os.Args[1:], cli.WithOsEnv)
	if err == nil {
		_, err = options.LoadProject(context.Background())
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}
`;
const { env } = process;

test("every manifest is valid by Kubernetes' schemas", async (t) => {
  const folder = temporaryFolder(t);
  const made = await runChild("python3", ["-m", "venv", folder], { env });
  if (made.code !== 0) return t.skip("there is no python3 with venv");
  const got = await runChild(join(folder, "bin/pip"), ["install", "--quiet", VALIDATOR], { env });
  if (got.code !== 0) return t.skip(`pip cannot get ${VALIDATOR}: ${lastLines(got.stderr, 1)}`);
  const files = readdirSync(HERE).filter((name) => name.endsWith(".yaml") && name !== "kustomization.yaml");
  assert.ok(files.length >= 4);
  for (const version of KUBERNETES) {
    const paths = files.map((name) => join(HERE, name));
    const args = ["--strict", "--kubernetes-version", version, ...paths];
    const { code, stdout, stderr } = await runChild(join(folder, "bin/kubernetes-validate"), args, { env });
    assert.equal(code, 0, `${stdout}\n${stderr}`);
  }
});

test("the compose file is valid by Docker's own reader", async (t) => {
  const go = await findProgram("go", env);
  if (go === undefined) return t.skip("there is no Go");
  const cwd = temporaryFolder(t);
  writeFileSync(join(cwd, "go.mod"), "module read\n\ngo 1.24\n");
  writeFileSync(join(cwd, "main.go"), READ_COMPOSE);
  const got = await runChild(go, ["get", COMPOSE_READER], { env, cwd });
  if (got.code !== 0) return t.skip(`Go cannot get ${COMPOSE_READER}: ${lastLines(got.stderr, 1)}`);
  await runChild(go, ["mod", "tidy"], { env, cwd });
  const { code, stderr } = await runChild(go, ["run", ".", COMPOSE_FILE], { env, cwd });
  assert.equal(code, 0, stderr);
});
