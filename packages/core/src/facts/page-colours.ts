/** Colours of pages by what they stand for, for light and for dark: of the console as of reports. */
export const PAGE_COLOURS: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  page: ["#f6f7f9", "#10141b"],
  card: ["#ffffff", "#181e28"],
  text: ["#1c2230", "#e6eaf1"],
  faint: ["#59606f", "#9aa5b5"],
  line: ["#d9dee6", "#2c3442"],
  "field-line": ["#7b8494", "#6b7688"],
  joint: ["#1a5fcf", "#6cb0ff"],
  plain: ["#b9364a", "#ff8593"],
  third: ["#1d7a48", "#5fd08f"],
  fourth: ["#8a5a10", "#e5b35b"],
  fifth: ["#7440c4", "#c19bff"],
  sixth: ["#0b6d79", "#56cbd9"],
  "on-strong": ["#ffffff", "#10141b"],
  marked: ["#e8f0fe", "#1e2c44"],
};
