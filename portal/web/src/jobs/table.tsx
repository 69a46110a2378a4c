// SPDX-License-Identifier: Apache-2.0
// The table of jobs. Roles are written out: on a narrow window rows are laid out as cards, and browsers then forget that this
// is a table.
import {useEffect, useRef} from 'preact/hooks';
import type {JobRow, JobSort} from '../api/types';
import {Icon} from '../shell/icons';
import {Age} from '../shell/now';
import {PhaseBadge} from '../shell/parts';
import {jobPath} from '../shell/router';
import {memo} from './memo';
import type {Filter} from './query';

interface Props {
    rows: JobRow[];
    filter: Filter;
    selected: ReadonlySet<string>;
    at: number;
    onSort: (sort: JobSort) => void;
    onToggle: (row: JobRow) => void;
    onToggleAll: (on: boolean) => void;
}

export function JobTable({rows, filter, selected, at, onSort, onToggle, onToggleAll}: Props) {
    const all = rows.length > 0 && rows.every(r => selected.has(r.uid));
    const head = {sort: filter.sort, onSort};
    return (
        <div class="table-wrap" tabIndex={0} role="region" aria-label="Jobs">
            <table class="jobs" role="table">
                <thead role="rowgroup"><tr role="row">
                    <th role="columnheader" class="tick"><input type="checkbox" aria-label="Select all rows" checked={all} onChange={e => onToggleAll(e.currentTarget.checked)} /></th>
                    <SortHead by="phase" {...head}>State</SortHead>
                    <SortHead by="name" {...head}>Name</SortHead>
                    {!filter.mine && <SortHead by="owner" {...head}>Owner</SortHead>}
                    <SortHead by="gpus" {...head} number>GPUs</SortHead>
                    <th role="columnheader" class="number">Ready</th>
                    <SortHead by="created" {...head} number>Age</SortHead>
                    <th role="columnheader">Why</th>
                </tr></thead>
                <tbody role="rowgroup">
                    {rows.map((row, i) => <Row key={row.uid} row={row} owner={!filter.mine} selected={selected.has(row.uid)} current={i === at} onToggle={onToggle} />)}
                </tbody>
            </table>
        </div>
    );
}

// The order that a first click gives: the one people mean mostly.
const firstOrder: Record<string, JobSort> = {created: '-created', gpus: '-gpus', name: 'name', owner: 'owner', phase: 'phase'};

function SortHead({by, sort, onSort, number, children}: {by: 'phase' | 'name' | 'owner' | 'gpus' | 'created'; sort: JobSort; onSort: (s: JobSort) => void; number?: boolean; children: string}) {
    const down = sort === `-${by}`;
    const up = sort === by;
    const next = down ? by : up ? `-${by}` as JobSort : firstOrder[by]!;
    // Age grows as the time of creation falls.
    const ascending = by === 'created' ? down : up;
    return (
        <th role="columnheader" class={number ? 'number' : ''} aria-sort={up || down ? (ascending ? 'ascending' : 'descending') : 'none'}>
            <button type="button" class="sort" onClick={() => onSort(next)}>{children}{(up || down) && <Icon name={ascending ? 'up' : 'down'} />}</button>
        </th>
    );
}

const Row = memo(function Row({row, owner, selected, current, onToggle}: {row: JobRow; owner: boolean; selected: boolean; current: boolean; onToggle: (row: JobRow) => void}) {
    const ref = useRef<HTMLTableRowElement>(null);
    useEffect(() => { if (current) ref.current?.scrollIntoView({block: 'nearest'}); }, [current]);
    return (
        <tr role="row" ref={ref} class={`${current ? 'current' : ''} ${selected ? 'selected' : ''}`}>
            <td role="cell" class="tick"><input type="checkbox" aria-label={`Select ${row.name}`} checked={selected} onChange={() => onToggle(row)} /></td>
            <td role="cell" class="state"><PhaseBadge phase={row.phase} /></td>
            <td role="cell" class="name"><a href={jobPath(row.namespace, row.name)}>{row.name}</a><span class="muted small">{row.namespace}{row.framework && row.framework !== 'None' ? ` · ${row.framework}` : ''}</span></td>
            {owner && <td role="cell" class="owner">{row.owner || <span class="muted">unknown</span>}</td>}
            <td role="cell" class="number gpus">{row.gpus}{row.gpuTypes && row.gpuTypes.length > 0 && <span class="muted small"> {row.gpuTypes.join(', ')}</span>}</td>
            <td role="cell" class="number ready">{row.ready}</td>
            <td role="cell" class="number"><Age at={row.createdAt} /></td>
            <td role="cell" class="why" title={row.why}>
                <div class="two-lines">
                    {row.deleting && <span class="tag">Deleting</span>}
                    {row.storageLost && <span class="tag bad">Storage lost</span>}
                    {row.pending === 'Change' && <span class="tag bad">You must act</span>}
                    {row.pending === 'Ask' && <span class="tag ask">Somebody must act</span>}
                    <bdi>{row.why}</bdi>
                </div>
            </td>
        </tr>
    );
});
