// SPDX-License-Identifier: Apache-2.0
// "May the command line of this machine act as you?": `dlws login` waits for the answer.
import {useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import {Dialog} from '../shell/dialog';
import {ErrorBox} from '../shell/parts';
import {session} from './session';

const loopback = /^http:\/\/127\.0\.0\.1:\d{1,5}\/\?code=/;

export function CliQuestion() {
    const [problem, setProblem] = useState<ApiError>();
    const [dismissed, setDismissed] = useState(false);
    if (session.value?.cliWaits !== true || dismissed) return null;
    const confirm = async () => {
        try {
            const {next} = await call('post', '/auth/cli/confirm');
            if (loopback.test(next)) location.assign(next);
        } catch (thrown) {
            setProblem(asApiError(thrown));
        }
    };
    return (
        <Dialog title="Command line" onClose={() => setDismissed(true)}>
            <p>A command line on this machine (<code>dlws login</code>) asks to act as <strong>{session.value.username}</strong>.</p>
            <p>Say yes only if you have just started it yourself.</p>
            {problem && <ErrorBox problem={problem} />}
            <div class="actions">
                <button type="button" onClick={() => setDismissed(true)}>No</button>
                <button type="button" class="primary" onClick={confirm}>Yes, it may</button>
            </div>
        </Dialog>
    );
}
