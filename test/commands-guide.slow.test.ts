import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { COMMANDS_GUIDE, commandsGuide, commandsHelp } from "../deploy/guides/generate-commands.mjs";
import { ROOT, readDocuments } from "./documents.ts";

type CommandHelp = Awaited<ReturnType<typeof commandsHelp>>[number];

/** A command as a document gives it: `npm run mpo -- config push small --wait 20s` or `mpo config push`. */
const COMMAND_LINE = /^(?:npm run(?: -s)? mpo -- |mpo )(.*)$/u;

describe("the guide to the commands", () => {
  let commands: readonly CommandHelp[] = [];
  before(async () => {
    commands = await commandsHelp();
  });

  it("says what the commands' own help says", () => {
    const isCurrent = readFileSync(COMMANDS_GUIDE, "utf8") === commandsGuide(commands);
    assert.ok(isCurrent, "deploy/guides/commands.md is out of date: run `npm run guides`");
  });

  it("says of every option with a value whether it is required, or what its default is", () => {
    const silent = commands.flatMap(({ name, options }) =>
      options
        .filter(({ term, meaning }) => term.includes("<") && !/\(required\)|default/u.test(meaning))
        .map(({ term }) => `${name} ${term}`),
    );
    assert.deepEqual(silent, []);
    const required = commands.flatMap(({ name, options }) =>
      options.filter(({ meaning }) => meaning.endsWith("(required)")).map(({ term }) => `${name} ${term}`),
    );
    for (const known of ["mpo train -o, --output <dir>", "mpo search --window <duration>"]) {
      assert.ok(required.includes(known), known);
    }
  });

  it("knows every command and option that a document or an alert shows", () => {
    const rules = ["fleet", "rollouts"].map((name) => `deploy/prometheus/${name}.rules.yaml`);
    const alerts = rules.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
    const unknown = [...readDocuments(), ...alerts].flatMap(({ path, text }) =>
      commandLines(text).flatMap((line) => unknownWords(line, commands).map((word) => `${path}: ${word} in: ${line}`)),
    );
    assert.deepEqual(unknown, []);
  });
});

/** Commands in blocks of shell and in backquotes, without their comments, on one line each. */
function commandLines(text: string): readonly string[] {
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```/gmsu)].flatMap(([, block = ""]) =>
    block.replaceAll(/\\\n\s*/gu, "").split("\n"),
  );
  const quoted = [...text.replaceAll(/^```.*?^```/gmsu, "").matchAll(/`([^`]+)`/gu)].map(([, code = ""]) => code);
  return [...blocks, ...quoted.map((code) => code.replaceAll(/\s+/gu, " "))].flatMap((code) => {
    const [, line] = COMMAND_LINE.exec(code.trim()) ?? [];
    return line === undefined || /^(?:COMMAND|\.\.\.)/u.test(line) ? [] : [line.replace(/ +#.*$/u, "")];
  });
}

/** What of a command line there is not: the command itself, or options. */
function unknownWords(line: string, commands: readonly CommandHelp[]): readonly string[] {
  const words = line.split(/[\s=]+/u);
  const [everywhere] = commands;
  const command = commands.findLast(({ name }) => `mpo ${line} `.startsWith(`${name} `));
  if (command === undefined || command === everywhere) return words.slice(0, 1).filter((word) => !word.startsWith("-"));
  const known = [...command.options, ...(everywhere?.options ?? [])].flatMap(({ term }) => term.split(/[ ,]+/u));
  return words.filter((word) => /^--?[a-z]/u.test(word) && word !== "--help" && !known.includes(word));
}
