const MOST = 200;

/** Words of a device or a gate, as far as the reason of a rollout has room for them. */
export function brief(words: string): string {
  return [...words].slice(0, MOST).join("");
}
