/** What the form asks for, as text fields hold it. */
export interface Draft {
  readonly name: string;
  readonly model: string;
  readonly change: "rule" | "version";
  readonly memory: string;
  readonly window: string;
  readonly version: string;
  readonly where: string;
  readonly canary: string;
  readonly dwell: string;
  readonly approval: boolean;
  readonly onFailure: "roll-back" | "pause" | "stop";
}

export const FIRST_DRAFT: Draft = {
  name: "",
  model: "",
  change: "rule",
  memory: "150MiB",
  window: "10min",
  version: "1",
  where: "",
  canary: "10%",
  dwell: "10min",
  approval: false,
  onFailure: "roll-back",
};

/** A rollout's file as JSON. */
export function specOf(draft: Draft): string {
  const { name, model, change, memory, window, version, where, canary, dwell, approval, onFailure } = draft;
  return JSON.stringify({
    name: name.trim(),
    model: model.trim(),
    change: change === "rule" ? { rule: { memory, window } } : { version: numberIn(version) },
    ...(where.trim() === "" ? {} : { where }),
    waves: [
      {
        ...(isShare(canary) ? { percent: canary } : { count: numberIn(canary) }),
        ...(dwell.trim() === "" ? {} : { dwell }),
        ...(approval ? { approval: "manual" } : {}),
      },
    ],
    onFailure: { action: onFailure },
  });
}

/** The same as people write it: they see it, and can go on there. */
export function yamlOf(draft: Draft): string {
  const { name, model, change, memory, window, version, where, canary, dwell, approval, onFailure } = draft;
  const lines = [
    `name: ${scalar(name)}`,
    `model: ${scalar(model)}`,
    "change:",
    ...(change === "rule"
      ? [
          "  rule: # each device gets the configurations that a search finds for it",
          `    memory: ${scalar(memory)}`,
          `    window: ${scalar(window)}`,
        ]
      : [`  version: ${scalar(version)} # a published version`]),
    ...(where.trim() === "" ? [] : [`where: ${scalar(where)}`]),
    "waves:",
    `  - ${isShare(canary) ? "percent" : "count"}: ${scalar(canary)}`,
    ...(dwell.trim() === "" ? [] : [`    dwell: ${scalar(dwell)}`]),
    ...(approval ? ["    approval: manual"] : []),
    "# Whoever is left is the last wave.",
    "onFailure:",
    `  action: ${onFailure}`,
  ];
  return `${lines.join("\n")}\n`;
}

function isShare(text: string): boolean {
  return text.trim().endsWith("%");
}

/** A number where it is one: what else is written is refused by whoever reads it, in its words. */
function numberIn(text: string): number | string {
  return /^\d+$/u.test(text.trim()) ? Number(text) : text;
}

/** Plain where YAML reads it as it is, else in quotes. */
function scalar(text: string): string {
  const trimmed = text.trim();
  return /^[A-Za-z0-9][A-Za-z0-9_.%-]*$/u.test(trimmed) ? trimmed : JSON.stringify(trimmed);
}
