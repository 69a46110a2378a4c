// SPDX-License-Identifier: Apache-2.0
// How long to wait before connecting anew: full jitter, so that a thousand tabs do not come back in the same second.

export class Backoff {
    private failures = 0;

    constructor(private readonly maxMs = 30_000, private readonly random: () => number = Math.random) {}

    /** A wait in ms between 0 and `baseMs` doubled with each failure, at most maxMs; never less than the server's Retry-After. */
    next(baseMs: number, retryAfterSeconds = 0): number {
        const most = Math.min(this.maxMs, baseMs * 2 ** Math.min(this.failures, 16));
        this.failures += 1;
        const jitter = this.random() * most;
        return retryAfterSeconds > 0 ? retryAfterSeconds * 1000 + jitter : jitter;
    }

    succeeded(): void { this.failures = 0; }
}
