/**
 * Whether a subject falls under a NATS pattern: parts are separated by dots, `*` stands for one part, `>` at the end for
 * one or more.
 */
export function subjectMatches(pattern: string, subject: string): boolean {
  if (pattern === ">" || pattern === subject) return true;
  const wanted = pattern.split(".");
  const parts = subject.split(".");
  for (const [index, want] of wanted.entries()) {
    if (want === ">") return parts.length > index;
    if (index >= parts.length || (want !== "*" && want !== parts[index])) return false;
  }
  return parts.length === wanted.length;
}

/**
 * The subject that a republish rule gives, for rules of the form `prefix.>` to `prefix.>`; undefined when the subject
 * does not fall under it.
 */
export function republished(
  rule: { readonly src: string; readonly dest: string },
  subject: string,
): string | undefined {
  const src = rule.src.replace(/>$/u, "");
  return subjectMatches(rule.src, subject) ? rule.dest.replace(/>$/u, "") + subject.slice(src.length) : undefined;
}
