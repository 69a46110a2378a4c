// SPDX-License-Identifier: Apache-2.0

// What an informer of client-go keeps of the pods that our operator watches, for `script/bench memory`:
// waits for the cache, collects garbage, and prints one line of JSON.
//
//	clientgo -kubeconfig FILE -selector dlworkspace.io/job [-strip-managed-fields]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const patience = 3 * time.Minute

type memory struct {
	heap, rss int64
}

// now is what the process holds once all that can be given back has been.
func now() (memory, error) {
	for range 2 {
		debug.FreeOSMemory() // collects, and returns what is free to the system
	}
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return memory{}, err
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	return memory{int64(stats.HeapAlloc), pages * int64(os.Getpagesize())}, err
}

func withoutManagedFields(object any) (any, error) {
	if described, err := meta.Accessor(object); err == nil {
		described.SetManagedFields(nil)
	}
	return object, nil
}

func run() error {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig file")
	selector := flag.String("selector", "", "label selector of the pods")
	strip := flag.Bool("strip-managed-fields", false, "drop metadata.managedFields before an object is stored")
	flag.Parse()
	config, err := clientcmd.BuildConfigFromFlags("", *kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(client, 0,
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = *selector }))
	informer := factory.Core().V1().Pods().Informer()
	// The operator's own index.
	err = informer.AddIndexers(cache.Indexers{"controller-uid": func(object any) ([]string, error) {
		if owner := metav1.GetControllerOf(object.(*corev1.Pod)); owner != nil {
			return []string{string(owner.UID)}, nil
		}
		return nil, nil
	}})
	if err == nil && *strip {
		err = informer.SetTransform(withoutManagedFields)
	}
	if err != nil {
		return err
	}
	before, err := now()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	factory.Start(ctx.Done())
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return errors.New("the cache did not fill in " + patience.String())
	}
	time.Sleep(2 * time.Second) // what the list left behind is let go of
	after, err := now()
	if err != nil {
		return err
	}
	line, err := json.Marshal(map[string]int64{"objects": int64(len(informer.GetStore().ListKeys())),
		"rss": after.rss - before.rss, "heap": after.heap - before.heap})
	fmt.Println(string(line))
	return err
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "clientgo:", err)
		os.Exit(1)
	}
}
