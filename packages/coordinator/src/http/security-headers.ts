/**
 * What browsers are to hold of every answer: own scripts and styles alone, nothing in a frame, no address in a referrer, no
 * guessing of types, and no other site's page may hold or read it.
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), microphone=(), geolocation=()",
};

/** Of a name that is reached over TLS: for this host alone, and not once for all (a fleet's certificates may be withdrawn). */
export const TLS_HEADERS: Readonly<Record<string, string>> = { "strict-transport-security": "max-age=86400" };
