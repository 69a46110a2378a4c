// SPDX-License-Identifier: Apache-2.0
// What went wrong with a request, as something to show: the server's problem+json (RFC 9457), or why there is none.
import type {FieldError, Problem} from './types';

/** Thrown by every request. `status` 0: no answer came (network, deadline). */
export class ApiError extends Error {
    readonly status: number;
    readonly reason: string;
    readonly title: string;
    readonly detail: string;
    readonly errors: FieldError[];
    /** Of the request in the server's log; empty where the server was not reached. */
    readonly instance: string;
    /** Seconds, from Retry-After. */
    readonly retryAfter: number | undefined;

    constructor(status: number, problem: Partial<Problem>, retryAfter?: number) {
        const title = text(problem.title) || `The server answered ${status}`;
        super(title);
        this.name = 'ApiError';
        this.status = status;
        this.title = title;
        this.reason = text(problem.reason);
        this.detail = text(problem.detail);
        this.errors = Array.isArray(problem.errors)
            ? problem.errors.filter(e => typeof e?.field === 'string' && typeof e.message === 'string') : [];
        this.instance = text(problem.instance);
        this.retryAfter = retryAfter;
    }
}

const text = (value: unknown): string => typeof value === 'string' ? value : '';

/** An answer that is no 2xx, whatever its body is. */
export async function problemOf(response: Response): Promise<ApiError> {
    const after = Number(response.headers.get('Retry-After'));
    const retryAfter = Number.isFinite(after) && after > 0 ? after : undefined;
    let body: unknown;
    try {
        body = JSON.parse(await response.text());
    } catch {
        body = undefined;
    }
    const problem = body !== null && typeof body === 'object' ? body as Partial<Problem> : {};
    return new ApiError(response.status, problem, retryAfter);
}

/** Of anything that was thrown. An AbortError is the caller's own doing and should be left out by it first. */
export function asApiError(thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    if (thrown instanceof DOMException && thrown.name === 'TimeoutError') {
        return new ApiError(0, {title: 'The portal did not answer in time', reason: 'Timeout', detail: 'Try again in a moment.'});
    }
    if (thrown instanceof TypeError) {
        return new ApiError(0, {title: 'The portal cannot be reached', reason: 'Network', detail: 'Check your network; the page goes on by itself when it is back.'});
    }
    return new ApiError(0, {title: 'Something in this page went wrong', reason: 'Page', detail: thrown instanceof Error ? thrown.message : String(thrown)});
}

export const isAbort = (thrown: unknown): boolean => thrown instanceof DOMException && thrown.name === 'AbortError';
