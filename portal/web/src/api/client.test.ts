// SPDX-License-Identifier: Apache-2.0
import {expect, test} from 'vitest';
import {pathOf, queryOf} from './client';

test('what is filled into a path stays within its segment', () => {
    expect(pathOf('/api/v1/namespaces/{namespace}/jobs/{job}', {namespace: 'a/../b', job: 'x?y#z%2f'}))
        .toBe('/api/v1/namespaces/a%2F..%2Fb/jobs/x%3Fy%23z%252f');
    expect(() => pathOf('/api/v1/namespaces/{namespace}/jobs', {namespace: '..'})).toThrow();
    expect(() => pathOf('/api/v1/namespaces/{namespace}/jobs', {namespace: ''})).toThrow();
    expect(() => pathOf('/api/v1/namespaces/{namespace}/jobs', {})).toThrow();
});

test('lists are repeated, absent values left out', () => {
    expect(queryOf({phase: ['Queued', 'Running'], q: '', mine: false, limit: 0, cursor: undefined})).toBe('?phase=Queued&phase=Running&mine=false&limit=0');
    expect(queryOf({topic: ['jobs?mine=true']})).toBe('?topic=jobs%3Fmine%3Dtrue');
    expect(queryOf(undefined)).toBe('');
});
