// SPDX-License-Identifier: Apache-2.0
// The list of jobs: mine by default, filtered and sorted by the server, kept new by the stream.
import {useEffect, useMemo, useState} from 'preact/hooks';
import type {JobRow} from '../api/types';
import {addShortcuts} from '../shell/keyboard';
import {Empty, ErrorBox, Loading} from '../shell/parts';
import {jobPath, navigate, query, urlState} from '../shell/router';
import {plural} from '../shell/time';
import {ActionDialog} from './actions';
import {FilterBar} from './filter_bar';
import {finished} from './order';
import {filterFields, isFiltered, type Filter} from './query';
import {applyRow, cursor, listProblem, loadingMore, loadMore, namespacesComplete, reload, rows, showJobs, total} from './store';
import {JobTable} from './table';

export function Jobs() {
    const state = useMemo(() => urlState<Filter>(filterFields), []);
    const filter = state.get();
    const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
    const [stopping, setStopping] = useState<JobRow[]>();
    const [at, setAt] = useState(-1);
    const list = rows.value;

    useEffect(() => {
        setSelected(new Set());
        setAt(-1);
        return showJobs(filter);
    }, [query.value.toString()]);

    useEffect(() => addShortcuts([
        {keys: 'j', what: 'Jobs: next row', run: () => setAt(i => Math.min((rows.value?.length ?? 0) - 1, i + 1))},
        {keys: 'k', what: 'Jobs: row before', run: () => setAt(i => Math.max(0, i - 1))},
        {keys: 'Enter', what: 'Jobs: open the row', run: () => openRow()},
        {keys: 'o', what: 'Jobs: open the row', run: () => openRow()},
        {keys: 'x', what: 'Jobs: select the row', run: () => { const row = rows.value?.[atNow.i]; if (row) toggle(row); }},
        {keys: 'm', what: 'Jobs: mine or all', run: () => state.set({mine: !state.get().mine}, false)},
    ]), []);
    // The shortcuts are made once; this is where they find the row.
    const atNow = useMemo(() => ({i: -1}), []);
    atNow.i = at;
    const openRow = () => {
        const row = rows.value?.[atNow.i];
        const focused = document.activeElement;
        if (focused instanceof HTMLAnchorElement || focused instanceof HTMLButtonElement) focused.click();
        else if (row) navigate(jobPath(row.namespace, row.name));
    };
    const toggle = (row: JobRow) => setSelected(before => {
        const next = new Set(before);
        if (!next.delete(row.uid)) next.add(row.uid);
        return next;
    });

    const chosen = (list ?? []).filter(r => selected.has(r.uid));
    const stoppable = chosen.filter(r => !finished(r.phase) && r.stop !== true);
    return <>
        <div class="page-head">
            <h1>Jobs</h1>
            <span class="muted" aria-live="polite">{list && plural(total.value, 'job')}</span>
            <span class="spring" />
            <a class="button primary" href="/submit">New job</a>
        </div>
        <FilterBar filter={filter} set={change => state.set(change)} />
        {!namespacesComplete.value && <div class="box warn">There are more than 500 namespaces, and the list is of some of them. Name those you mean in the filter.</div>}
        {listProblem.value && <ErrorBox problem={listProblem.value} retry={reload} />}
        {chosen.length > 0 && (
            <div class="bulk" role="region" aria-label="Selected jobs">
                <strong>{plural(chosen.length, 'job')} selected</strong>
                <button type="button" class="danger" disabled={stoppable.length === 0} onClick={() => setStopping(stoppable)}>
                    {stoppable.length === chosen.length ? 'Stop…' : `Stop ${stoppable.length} that run or wait…`}</button>
                <button type="button" onClick={() => setSelected(new Set())}>Clear</button>
            </div>
        )}
        {list === undefined && listProblem.value === undefined && <Loading what="jobs" />}
        {list !== undefined && list.length === 0 && <NoJobs filter={filter} set={change => state.set(change, false)} />}
        {list !== undefined && list.length > 0 && (
            <JobTable rows={list} filter={filter} selected={selected} at={at} onSort={sort => state.set({sort})} onToggle={toggle}
                onToggleAll={on => setSelected(on ? new Set(list.map(r => r.uid)) : new Set())} />
        )}
        {cursor.value !== undefined && list !== undefined && (
            <p class="more"><button type="button" disabled={loadingMore.value} onClick={() => loadMore(filter)}>
                {loadingMore.value ? 'Loading…' : `Show more (${(total.value - list.length).toLocaleString('en')} left)`}</button></p>
        )}
        {stopping && <ActionDialog action="stop" jobs={stopping} onRow={row => applyRow(row, filter)}
            onClose={done => { setStopping(undefined); if (done) setSelected(new Set()); }} />}
    </>;
}

function NoJobs({filter, set}: {filter: Filter; set: (change: Partial<Filter>) => void}) {
    if (isFiltered(filter)) {
        return <Empty title="No job fits the filter">
            <button type="button" onClick={() => set({q: '', phase: [], pending: [], namespace: [], owner: [], gpuType: ''})}>Clear the filter</button>
        </Empty>;
    }
    return (
        <Empty title={filter.mine ? 'You have no jobs yet' : 'There are no jobs that you may see'}>
            <p class="muted">A job is an image, a command, and how many pods with how many GPUs run it.</p>
            <p><a class="button primary" href="/submit">Submit a job</a>{filter.mine && <> <button type="button" onClick={() => set({mine: false})}>Show everybody's</button></>}</p>
        </Empty>
    );
}
