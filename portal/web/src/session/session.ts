// SPDX-License-Identifier: Apache-2.0
// Who is logged in, and what they may: GetSession, GetMe, ListNamespaces.
import {computed, signal} from '@preact/signals';
import {call, csrfToken, onLoggedOut} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import {setPageVersion, subscribe} from '../api/updates';
import {dropDraft} from '../submit/draft';
import type {Me, NamespaceRights, Session} from '../api/types';

export const session = signal<Session | undefined>(undefined);
export const sessionProblem = signal<ApiError | undefined>(undefined);
export const me = signal<Me | undefined>(undefined);
export const namespaces = signal<NamespaceRights[]>([]);
/** How many approvals wait for this person; undefined: may decide none, or not known yet. */
export const approvalsWaiting = signal<number | undefined>(undefined);

export type Right = NonNullable<NamespaceRights['rights']>[number];
const may = (right: Right) => computed(() => namespaces.value.filter(n => n.rights.includes(right)).map(n => n.name));
export const maySubmitIn = may('submit');
export const mayApproveIn = may('approve');
export const mayTemplateIn = may('templates');

export async function loadSession(): Promise<void> {
    try {
        sessionProblem.value = undefined;
        accept(await call('get', '/auth/session'));
    } catch (thrown) {
        sessionProblem.value = asApiError(thrown);
    }
}

let whose: string | undefined;
function accept(next: Session): void {
    // A question in place of a page: it needs no more, and says nothing of who is logged in here.
    if (next.cliWaits === true) { csrfToken.value = next.csrfToken; session.value = next; return; }
    // What is in this page's memory is the person's before.
    if (next.loggedIn && whose !== undefined && next.username !== whose) { location.reload(); return; }
    if (next.loggedIn) whose = next.username;
    csrfToken.value = next.csrfToken;
    if (session.peek() === undefined) setPageVersion(next.version);
    session.value = next;
    if (next.loggedIn) void loadPerson();
}

async function loadPerson(): Promise<void> {
    const [who, where] = await Promise.allSettled([call('get', '/api/v1/me'), call('get', '/api/v1/namespaces')]);
    if (who.status === 'fulfilled') me.value = who.value;
    if (where.status === 'fulfilled') namespaces.value = where.value.items;
    watchApprovals();
}

let stopApprovals: (() => void) | undefined;
function watchApprovals(): void {
    stopApprovals?.();
    stopApprovals = undefined;
    if (mayApproveIn.value.length === 0) return;
    stopApprovals = subscribe('approvals', {
        approvals: data => { approvalsWaiting.value = data.waiting; },
        denied: () => { approvalsWaiting.value = undefined; },
    });
}

/** Throws ApiError. */
export async function loginWithToken(token: string): Promise<void> {
    accept(await call('post', '/auth/token', {json: {token}}));
}

/** Throws ApiError. */
export async function logout(everywhere: boolean): Promise<void> {
    const answer = await call('post', '/auth/logout', {query: everywhere ? {everywhere: true} : {}});
    dropDraft();
    // Whoever goes back to this page finds nothing in it.
    forget();
    if (session.value !== undefined) session.value = {...session.value, loggedIn: false, csrfToken: undefined};
    // The provider's own page, from the server's configuration; nothing but https is followed.
    if (answer?.next !== undefined && answer.next.startsWith('https://')) location.assign(answer.next);
    else await loadSession();
}

function forget(): void {
    stopApprovals?.();
    stopApprovals = undefined;
    csrfToken.value = undefined;
    me.value = undefined;
    namespaces.value = [];
    approvalsWaiting.value = undefined;
}

/** Called once by main. */
export function watchSession(): void {
    // Out of the browser's memory: the login may have ended meanwhile, or be another one.
    addEventListener('pageshow', event => { if (event.persisted) location.reload(); });
    onLoggedOut(problem => {
        const current = session.peek();
        if (current === undefined || !current.loggedIn || current.cliWaits === true) return;
        forget();
        session.value = {...current, loggedIn: false, csrfToken: undefined, why: problem.detail || problem.title};
    });
}
