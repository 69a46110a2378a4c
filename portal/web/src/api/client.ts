// SPDX-License-Identifier: Apache-2.0
// Requests, typed by the contract: call('get', '/api/v1/jobs', {query: {mine: true}}). A path, parameter or field that
// portal/openapi.yaml does not have is a compile error.
import {signal} from '@preact/signals';
import {ApiError, problemOf} from './problem';
import type {paths} from './schema';

type Method = 'get' | 'put' | 'post' | 'delete';
type PathsWith<M extends Method> = {[P in keyof paths]: paths[P][M] extends {responses: unknown} ? P : never}[keyof paths] & string;
type Operation<P extends keyof paths, M extends Method> = NonNullable<paths[P][M]>;
type Part<O, K extends string> = O extends {parameters: infer A} ? K extends keyof A ? A[K] : never : never;
type OfPath<P extends keyof paths> = paths[P] extends {parameters: {path: infer A}} ? A : never;
type Body<O> = O extends {requestBody: {content: infer C}} ? C : never;
type Content<R> = R extends {content: infer C} ? C extends {'application/json': infer J} ? J : never : undefined;
type Ok<O> = O extends {responses: infer R} ? Content<R[keyof R & (200 | 201 | 204)]> : never;

export interface Options<O, P> {
    path?: P;
    query?: NonNullable<Part<O, 'query'>>;
    json?: Body<O> extends {'application/json': infer J} ? J : never;
    yaml?: Body<O> extends {'application/yaml': unknown} ? string : never;
    headers?: Record<string, string>;
    signal?: AbortSignal | undefined;
}

/** Set by session/: the token for writes, and what happens when nobody is logged in any more. */
export const csrfToken = signal<string | undefined>(undefined);
let loggedOut: (problem: ApiError) => void = () => undefined;
export function onLoggedOut(handler: (problem: ApiError) => void): void { loggedOut = handler; }
export function tellLoggedOut(problem: ApiError): void { loggedOut(problem); }

/** Since when the API server is away, as the last answer or the stream said; empty: it is there. */
export const staleSince = signal('');

const deadlineMs = 30_000;   // the server's own for a request

/** Fills {namespace} and so on; what is filled in is encoded, so that no name can name another path. */
export function pathOf(template: string, values: object | undefined): string {
    return template.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = (values as Record<string, unknown> | undefined)?.[name];
        if (value === undefined || value === '') throw new Error(`no ${name} for ${template}`);
        const encoded = encodeURIComponent(String(value));
        // encodeURIComponent leaves dots, and browsers resolve a segment of dots even when it is encoded.
        if (encoded === '.' || encoded === '..') throw new Error(`${encoded} is no name`);
        return encoded;
    });
}

/** Lists are repeated parameters (style form, explode), absent values are left out. */
export function queryOf(values: object | undefined): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(values ?? {})) {
        if (value === undefined || value === '') continue;
        for (const one of Array.isArray(value) ? value : [value]) query.append(name, String(one));
    }
    const text = query.toString();
    return text === '' ? '' : `?${text}`;
}

interface Loose {
    path?: object;
    query?: object;
    json?: unknown;
    yaml?: string;
    headers?: Record<string, string>;
    signal?: AbortSignal | undefined;
}

async function send(method: Method, path: string, options: Loose, accept: string): Promise<Response> {
    const headers: Record<string, string> = {Accept: accept, ...options.headers};
    let body: string | undefined;
    if (options.json !== undefined) {
        headers['Content-Type'] = 'application/json';
        body = JSON.stringify(options.json);
    } else if (options.yaml !== undefined) {
        headers['Content-Type'] = 'application/yaml';
        body = options.yaml;
    }
    if (method !== 'get' && csrfToken.value !== undefined) headers['X-CSRF-Token'] = csrfToken.value;
    const deadline = AbortSignal.timeout(deadlineMs);
    const response = await fetch(pathOf(path, options.path) + queryOf(options.query), {
        method: method.toUpperCase(),
        headers,
        body,
        credentials: 'same-origin',
        redirect: 'error',
        signal: options.signal ? AbortSignal.any([options.signal, deadline]) : deadline,
    });
    if (response.ok) {
        if (method === 'get' && path.startsWith('/api/')) staleSince.value = response.headers.get('Dlws-Stale') ?? '';
        return response;
    }
    const problem = await problemOf(response);
    if (response.status === 401 && path !== '/auth/token') loggedOut(problem);
    throw problem;
}

/** JSON of a 2xx answer; undefined where it has none. Throws ApiError, or AbortError of `signal`. */
export async function call<M extends Method, P extends PathsWith<M>>(
    method: M, path: P, options: Options<Operation<P, M>, OfPath<P>> = {}): Promise<Ok<Operation<P, M>>> {
    return (await callWithTag(method, path, options)).body;
}

/** The same with the ETag, for If-Match. */
export async function callWithTag<M extends Method, P extends PathsWith<M>>(
    method: M, path: P, options: Options<Operation<P, M>, OfPath<P>> = {}): Promise<{body: Ok<Operation<P, M>>; etag: string}> {
    const response = await send(method, path, options as Loose, 'application/json, application/problem+json');
    const etag = response.headers.get('ETag') ?? '';
    if (response.status === 204) return {body: undefined as Ok<Operation<P, M>>, etag};
    try {
        return {body: await response.json() as Ok<Operation<P, M>>, etag};
    } catch (thrown) {
        if (thrown instanceof SyntaxError) throw new ApiError(response.status, {title: 'The answer cannot be read', reason: 'NotJson', detail: 'Is there something between you and the portal?'});
        throw thrown;
    }
}

/** The YAML of GetJobManifest. */
export async function manifestYaml(namespace: string, job: string, purpose: 'view' | 'clone', abort?: AbortSignal): Promise<string> {
    const response = await send('get', '/api/v1/namespaces/{namespace}/jobs/{job}/manifest',
        {path: {namespace, job}, query: {for: purpose}, signal: abort}, 'application/yaml, application/problem+json');
    return response.text();
}
