const RELEASE = /^v?(\d{1,15}(?:\.\d{1,15}){0,7})(?:-([0-9A-Za-z.-]{1,64}))?(?:\+[0-9A-Za-z.-]{0,64})?$/u;

/** Whether a text is a version: `20`, `v20.11.1`, `0.3.0-rc.1`. */
export function isRelease(text: string): boolean {
  return RELEASE.test(text);
}

/** Which of two versions is the newer, above 0: the left one (semver.org, with any count of numbers); NaN: one is none. */
export function compareReleases(left: string, right: string): number {
  const [, numbersLeft, trialLeft] = RELEASE.exec(left) ?? [];
  const [, numbersRight, trialRight] = RELEASE.exec(right) ?? [];
  if (numbersLeft === undefined || numbersRight === undefined) return Number.NaN;
  const byNumbers = compareParts(numbersLeft.split("."), numbersRight.split("."), "0");
  if (byNumbers !== 0) return byNumbers;
  // A release is newer than its trials.
  if (trialLeft === undefined || trialRight === undefined)
    return Number(trialLeft === undefined) - Number(trialRight === undefined);
  return compareParts(trialLeft.split("."), trialRight.split("."), "");
}

function compareParts(left: readonly string[], right: readonly string[], absent: string): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const order = comparePart(left[index] ?? absent, right[index] ?? absent);
    if (order !== 0) return order;
  }
  return 0;
}

const WHOLE = /^\d+$/u;
function comparePart(left: string, right: string): number {
  if (WHOLE.test(left) && WHOLE.test(right)) return Number(left) - Number(right);
  // Numbers come before words, and nothing before both.
  const rank = (part: string): number => (part === "" ? 0 : WHOLE.test(part) ? 1 : 2);
  return rank(left) - rank(right) || Number(left > right) - Number(left < right);
}
