/** Where a coordinator listens, and is asked, unless something else is said: this machine alone. */
export const USUAL_ADDRESSES = {
  grpc: { host: "127.0.0.1", port: 7443 },
  http: { host: "127.0.0.1", port: 9464 },
} as const;
