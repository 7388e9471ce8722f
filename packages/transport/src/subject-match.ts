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
