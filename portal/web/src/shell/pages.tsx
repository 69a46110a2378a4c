// SPDX-License-Identifier: Apache-2.0
// The table of pages: navigation, keys and what is shown. A new page (queues, endpoints) is a row here and a folder beside
// the others.
import type {ComponentType} from 'preact';
import type {IconName} from './icons';
import {Jobs} from '../jobs/jobs';
import {lazy} from './lazy';

export interface Page {
    /** First segment of the path. */
    id: string;
    title: string;
    icon: IconName;
    /** Behind `g`. */
    key: string;
    show: ComponentType<{rest: string[]}>;
}

const Job = lazy(() => import('../job/job').then(m => m.Job));

export const PAGES: Page[] = [
    {id: 'jobs', title: 'Jobs', icon: 'jobs', key: 'j', show: ({rest}) => rest.length >= 2 ? <Job rest={rest} /> : <Jobs />},
    {id: 'submit', title: 'Submit', icon: 'submit', key: 's', show: lazy(() => import('../submit/submit').then(m => m.Submit))},
    {id: 'approvals', title: 'Approvals', icon: 'approvals', key: 'a', show: lazy(() => import('../approvals/approvals').then(m => m.Approvals))},
    {id: 'cluster', title: 'Cluster', icon: 'cluster', key: 'c', show: lazy(() => import('../cluster/cluster').then(m => m.Cluster))},
    {id: 'storage', title: 'Storage', icon: 'storage', key: 'd', show: lazy(() => import('../storage/storage').then(m => m.StoragePage))},
    {id: 'templates', title: 'Templates', icon: 'templates', key: 't', show: lazy(() => import('../templates/templates').then(m => m.Templates))},
];
