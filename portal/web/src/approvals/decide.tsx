// SPDX-License-Identifier: Apache-2.0
// Approve, deny, take back. What is sent names the digest that was looked at: when the job's pods have become others, the
// server refuses.
import {useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, type ApiError} from '../api/problem';
import type {ApprovalQuestion} from '../api/types';
import {visible} from '../logs/text';
import {say} from '../shell/announce';
import {Dialog} from '../shell/dialog';
import {ErrorBox} from '../shell/parts';

export interface Decision { kind: 'approve' | 'deny' | 'revoke'; question: ApprovalQuestion }
const EXPIRY: {label: string; hours: number}[] = [{label: 'For good', hours: 0}, {label: 'For a day', hours: 24}, {label: 'For a week', hours: 168}, {label: 'For 30 days', hours: 720}];
const words = {
    approve: {title: 'Approve', button: 'Approve', done: 'Approved'}, deny: {title: 'Deny', button: 'Deny', done: 'Denied'}, revoke: {title: 'Take back the approval of', button: 'Take back', done: 'Took back the approval of'}};

export function Decide({decision: {kind, question: q}, onClose}: {decision: Decision; onClose: () => void}) {
    const [reason, setReason] = useState('');
    const [hours, setHours] = useState(0);
    const [problem, setProblem] = useState<ApiError>();
    const [busy, setBusy] = useState(false);
    const word = words[kind];
    const send = async () => {
        const path = {namespace: q.namespace, job: q.job};
        const what = {uid: q.uid, templateHash: q.templateHash, classes: q.classes};
        if (kind === 'approve') {
            await call('post', '/api/v1/namespaces/{namespace}/jobs/{job}/approve', {path, json: {...what, ...(reason.trim() === '' ? {} : {reason: reason.trim()}),
                ...(hours === 0 ? {} : {expiresAt: new Date(Date.now() + hours * 3_600_000).toISOString()})}});
        } else if (kind === 'deny') {
            await call('post', '/api/v1/namespaces/{namespace}/jobs/{job}/deny', {path, json: {...what, reason: reason.trim()}});
        } else {
            await call('delete', '/api/v1/namespaces/{namespace}/approvals/{approval}', {path: {namespace: q.namespace, approval: q.approval ?? ''}});
        }
    };
    const submit = async (event: Event) => {
        event.preventDefault();
        setBusy(true);
        setProblem(undefined);
        try {
            await send();
            say(`${word.done} ${q.job}`);
            onClose();
        } catch (thrown) {
            setProblem(asApiError(thrown));
            setBusy(false);
        }
    };
    return (
        <Dialog title={`${word.title} ${q.namespace}/${q.job}?`} onClose={onClose}>
            <form onSubmit={submit}>
                {kind === 'revoke' ? <p>The job loses what it was allowed. Whether its pods end is the cluster's setting onRevoke.</p> : <>
                    <p><strong>{visible(q.submittedBy)}</strong> asks for {q.classes.join(', ')}:</p>
                    <ul class="asks">{q.asks.map(a => <li key={a}>{visible(a)}</li>)}</ul>
                    <p class="small muted">Exactly the pods with the digest <code>{q.templateHash.slice(0, 12)}…</code>; other ones would have to be asked for again.</p>
                    <label class="stack">{kind === 'deny' ? 'Reason (the submitter reads it)' : 'Reason (may be empty)'}
                        <textarea rows={3} maxLength={512} required={kind === 'deny'} value={reason} onInput={e => setReason(e.currentTarget.value)} /></label>
                    {kind === 'approve' && <label class="stack">How long <select value={String(hours)} onChange={e => setHours(Number(e.currentTarget.value))}>{EXPIRY.map(e => <option key={e.hours} value={e.hours}>{e.label}</option>)}</select></label>}
                </>}
                {problem && <ErrorBox problem={problem} />}
                <div class="actions">
                    <button type="button" onClick={onClose}>Cancel</button>
                    <button type="submit" class={kind === 'approve' ? 'primary' : 'danger'} disabled={busy || (kind === 'deny' && reason.trim() === '')}>{busy ? '…' : word.button}</button>
                </div>
            </form>
        </Dialog>
    );
}
