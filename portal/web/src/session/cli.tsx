// SPDX-License-Identifier: Apache-2.0
// "May the command line of this machine act as you?": `dlws login` waits for the answer. In place of the page that was asked for, since
// it is a login of its own: this browser may have another one, or none.
import {useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import type {Session} from '../api/types';
import {ErrorBox} from '../shell/parts';

const loopback = /^http:\/\/127\.0\.0\.1:\d{1,5}\/\?(code|error)=/;

export function CliQuestion({session}: {session: Session}) {
    const [problem, setProblem] = useState<ApiError>();
    const [busy, setBusy] = useState(false);
    const answer = async (deny: boolean) => {
        setBusy(true);
        setProblem(undefined);
        try {
            const {next} = await call('post', '/auth/cli/confirm', {query: deny ? {deny} : {}});
            if (loopback.test(next)) location.assign(next);
        } catch (thrown) {
            setProblem(asApiError(thrown));
            setBusy(false);
        }
    };
    return (
        <main id="main" class="login" tabIndex={-1}>
            <h1>May the command line on this machine act as you?</h1>
            <p><code>dlws login</code> asks to do whatever <strong>{session.username}</strong> may do, for up to 30 days.</p>
            <p>Say yes only if you have just started it yourself.</p>
            {problem && <ErrorBox problem={problem} />}
            <div class="actions">
                {problem && <button type="button" onClick={() => location.assign('/jobs')}>Go to the jobs</button>}
                <button type="button" disabled={busy} onClick={() => answer(true)}>No</button>
                <button type="button" class="primary" disabled={busy} onClick={() => answer(false)}>Yes, it may</button>
            </div>
        </main>
    );
}
