// SPDX-License-Identifier: Apache-2.0
// The login page. It takes the place of whatever page was asked for, so its address stays for afterwards.
import {useState} from 'preact/hooks';
import {queryOf} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import type {Session} from '../api/types';
import {CopyButton, ErrorBox} from '../shell/parts';
import {navigate, path, query, search} from '../shell/router';
import {loginWithToken} from './session';

// The words that FinishLogin comes back with. Nothing of the address is shown as text.
const mistakes: Record<string, string> = {
    access_denied: 'The login was cancelled, or the provider does not let you in.',
    state: 'The login took longer than ten minutes, or was begun in another window. Try again.',
    TokenRefused: 'The provider let you in, but the cluster does not take its token. An administrator must compare issuer, audience and claim of both.',
    LoginAway: 'The login provider does not answer. Try again in a moment.',
};

export function Login({session}: {session: Session}) {
    const back = path.value === '/login' ? '/' : path.value + search.value;
    const wrong = path.value === '/login' ? query.value.get('error') : null;
    return (
        <main id="main" class="login" tabIndex={-1}>
            <h1>DLWorkspace</h1>
            <p class="muted">Run training jobs on the cluster, and watch them.</p>
            {wrong !== null && <div class="box bad" role="alert">{(Object.hasOwn(mistakes, wrong) ? mistakes[wrong] : undefined) ?? 'The login did not work. Try again.'}</div>}
            {session.why !== undefined && session.why !== '' && <div class="box warn" role="status">{session.why}</div>}
            {session.methods.includes('oidc') && <a class="button primary big" href={`/auth/login${queryOf({return: back})}`}>Log in</a>}
            {session.methods.includes('oidc') && session.methods.includes('token') && <p class="or muted">or</p>}
            {session.methods.includes('token') && <TokenForm command={session.tokenCommand ?? ''} back={back} />}
            {session.methods.length === 0 && <div class="box warn">No way to log in is set up. An administrator must set one in the chart's values (portal.oidc or portal.tokens).</div>}
        </main>
    );
}

function TokenForm({command, back}: {command: string; back: string}) {
    const [token, setToken] = useState('');
    const [problem, setProblem] = useState<ApiError>();
    const [busy, setBusy] = useState(false);
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setProblem(undefined);
        try {
            await loginWithToken(token.trim());
            if (path.value === '/login') navigate(back, true);
        } catch (thrown) {
            setProblem(asApiError(thrown));
        } finally {
            setToken('');
            setBusy(false);
        }
    };
    return (
        <form onSubmit={submit}>
            <label for="token">A token of the cluster</label>
            {/* No password manager should keep it: it ends in hours. */}
            <input id="token" type="password" autocomplete="off" spellcheck={false} required minLength={8} maxLength={8192} value={token} disabled={busy}
                aria-describedby={command === '' ? undefined : 'token-how'} onInput={event => setToken(event.currentTarget.value)} />
            {command !== '' && <>
                <p id="token-how" class="muted small">Make one with kubectl, and paste what it prints:</p>
                <div class="command"><code>{command}</code><CopyButton text={command} what="the command" /></div>
            </>}
            {problem && <ErrorBox problem={problem} />}
            <button type="submit" class="primary" disabled={busy || token.trim().length < 8}>{busy ? 'Logging in…' : 'Log in with the token'}</button>
        </form>
    );
}
