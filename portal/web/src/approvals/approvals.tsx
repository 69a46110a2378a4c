// SPDX-License-Identifier: Apache-2.0
// Jobs that ask for what somebody else must allow.
import {useEffect, useMemo, useState} from 'preact/hooks';
import {call} from '../api/client';
import {asApiError, isAbort, type ApiError} from '../api/problem';
import type {ApprovalQuestion, ApprovalState} from '../api/types';
import {approvalsWaiting} from '../session/session';
import {Icon, type IconName} from '../shell/icons';
import {Age, Stamp} from '../shell/now';
import {Badge, CopyButton, Empty, ErrorBox, Loading} from '../shell/parts';
import {jobPath, urlState} from '../shell/router';
import {text, word, type Fields} from '../shell/urlstate';
import {visible} from '../logs/text';
import '../style/approvals.css';
import {Decide, type Decision} from './decide';
import {diffLines, imageParts} from './diff';

const VIEWS = ['waiting', 'decided'] as const;
interface State { show: typeof VIEWS[number]; job: string }
const fields: Fields<State> = {show: word(VIEWS, 'waiting'), job: text('', 128)};
const states: Record<typeof VIEWS[number], ApprovalState[]> = {waiting: ['Awaiting'], decided: ['Approved', 'Denied', 'Revoked', 'Expired']};
const looks: Record<ApprovalState, {tone: string; icon: IconName; word: string}> = {
    Awaiting: {tone: 'ask', icon: 'hand', word: 'Awaiting'}, Approved: {tone: 'good', icon: 'check', word: 'Approved'}, Denied: {tone: 'bad', icon: 'cross', word: 'Denied'},
    Revoked: {tone: 'idle', icon: 'square', word: 'Taken back'}, Expired: {tone: 'idle', icon: 'hourglass', word: 'Expired'},
};
const refreshMs = 20_000;

export function Approvals(_: {rest: string[]}) {
    const url = useMemo(() => urlState<State>(fields), []);
    const {show, job} = url.get();
    const [items, setItems] = useState<ApprovalQuestion[]>();
    const [cursor, setCursor] = useState<string>();
    const [problem, setProblem] = useState<ApiError>();
    const [decision, setDecision] = useState<Decision>();
    const load = async (from: string | undefined, signal?: AbortSignal) => {
        try {
            const page = await call('get', '/api/v1/approvals', {query: {state: states[show], ...(from === undefined ? {} : {cursor: from})}, signal});
            setItems(before => from === undefined ? page.items : [...before ?? [], ...page.items]);
            setCursor(page.nextCursor);
            setProblem(undefined);
        } catch (thrown) {
            if (!isAbort(thrown)) setProblem(asApiError(thrown));
        }
    };
    // The stream tells how many wait; another number is a reason to look, and to look once more: the list may come from another
    // replica, which hears of it a moment later. While somebody decides nothing moves.
    useEffect(() => {
        if (decision !== undefined) return;
        const abort = new AbortController();
        void load(undefined, abort.signal);
        const again = setTimeout(() => void load(undefined, abort.signal), 2_000);
        const timer = setInterval(() => { if (document.visibilityState === 'visible') void load(undefined, abort.signal); }, refreshMs);
        return () => { clearTimeout(again); clearInterval(timer); abort.abort(); };
    }, [show, approvalsWaiting.value, decision === undefined]);
    const shown = items?.filter(q => job === '' || `${q.namespace}/${q.job}` === job);
    return <>
        <div class="page-head">
            <h1>Approvals</h1>
            <div class="segmented" role="group" aria-label="Which">
                {VIEWS.map(v => <button type="button" key={v} aria-pressed={show === v} onClick={() => { setItems(undefined); url.set({show: v, job: ''}); }}>{v === 'waiting' ? 'Waiting' : 'Decided'}</button>)}
            </div>
            {job !== '' && <button type="button" onClick={() => url.set({job: ''})}>Only {job}<Icon name="close" /></button>}
        </div>
        {problem && <ErrorBox problem={problem} retry={() => void load(undefined)} />}
        {items === undefined && !problem && <Loading what="approvals" />}
        {shown?.length === 0 && <Empty title={show === 'waiting' ? 'Nothing waits for an approval' : 'Nothing was decided'}>
            <p class="muted">A job that asks for more than plain pods have, such as its node's network, waits here until somebody other than its submitter decides.</p></Empty>}
        {shown?.map(q => <Question key={`${q.uid} ${q.templateHash}`} question={q} onDecide={kind => setDecision({kind, question: q})} />)}
        {cursor && <p class="more"><button type="button" onClick={() => void load(cursor)}>Show more</button></p>}
        {decision && <Decide decision={decision} onClose={() => setDecision(undefined)} />}
    </>;
}

function Question({question: q, onDecide}: {question: ApprovalQuestion; onDecide: (kind: Decision['kind']) => void}) {
    const look = looks[q.state];
    const id = `q-${q.uid}`;
    return (
        <article class="panel question" aria-labelledby={id}>
            <div class="panel-head">
                <h2 id={id}><a href={jobPath(q.namespace, q.job)}>{q.namespace}/{q.job}</a></h2>
                <Badge tone={look.tone} icon={look.icon}>{look.word}</Badge>
                <span class="spring" />
                {q.state === 'Awaiting' && q.mayDecide && <>
                    <button type="button" onClick={() => onDecide('deny')}>Deny…</button>
                    <button type="button" class="primary" onClick={() => onDecide('approve')}>Approve…</button></>}
                {q.state === 'Approved' && q.approval && q.mayDecide && <button type="button" class="danger" onClick={() => onDecide('revoke')}>Take back…</button>}
            </div>
            <p><strong>{visible(q.submittedBy)}</strong> asks for:</p>
            <ul class="asks">{q.asks.map(a => <li key={a}>{visible(a)}</li>)}</ul>
            {q.state === 'Awaiting' && !q.mayDecide && <p class="muted"><Icon name="info" /> {q.whyNot ?? 'You may not decide this.'}</p>}
            {q.state !== 'Awaiting' && <p>{look.word}{q.approver && <> by <strong>{visible(q.approver)}</strong></>}{q.reason && <>: “{visible(q.reason)}”</>}{q.expiresAt && <>, until <Stamp at={q.expiresAt} /></>}</p>}
            <details open={q.state === 'Awaiting'}>
                <summary>What its pods have that plain ones have not</summary>
                <pre class="diff" tabIndex={0} role="region" aria-label={`Difference of ${q.job} to plain pods`}>{diffLines(q.diff).map((l, i) =>
                    <span key={i} class={l.kind}><span class="sign">{l.sign}</span>{l.text}{'\n'}</span>)}</pre>
            </details>
            <dl class="facts">
                {q.since && <><dt>{q.state === 'Awaiting' ? 'Waits for' : 'Since'}</dt><dd><Age at={q.since} /></dd></>}
                {q.images?.map(i => { const p = imageParts(i); return <><dt>Image</dt><dd><code>{p.name}</code>{p.digest !== '' && <><br /><code class="muted">{p.digest}</code></>}<CopyButton text={i} what="the image" /></dd></>; })}
                {q.mounts.length > 0 && <><dt>Sees</dt><dd>{q.mounts.map(m => <div key={m}>{visible(m)}</div>)}</dd></>}
                <dt>Digest of its pods</dt><dd><code>{q.templateHash}</code></dd>
            </dl>
        </article>
    );
}
