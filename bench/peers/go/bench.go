// The work of bench/actors with Go's goroutines and channels: actors by hand. A process a figure;
// prints lines "name value unit".
// usage: bench FIGURE [SCALE]
package main

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

var (
	base  = time.Now()
	scale = 1.0
)

func nowNs() int64 { return int64(time.Since(base)) }

func amount(full int) int {
	scaled := int(float64(full) * scale)
	if scaled < 1 {
		return 1
	}
	return scaled
}

func out(name string, value float64, unit string) {
	fmt.Printf("%s %.3f %s\n", name, value, unit)
}

func rate(count int, ns int64) float64 { return float64(count) * 1e9 / float64(ns) }

func residentBytes() float64 {
	text, _ := os.ReadFile("/proc/self/statm")
	pages, _ := strconv.Atoi(string(bytes.Fields(text)[1]))
	return float64(pages) * 4096
}

func percentiles(name string, times []int64) {
	sort.Slice(times, func(i, j int) bool { return times[i] < times[j] })
	at := func(percent int) float64 { return float64(times[len(times)*percent/100]) / 1000 }
	out(name+"_p50", at(50), "us")
	out(name+"_p99", at(99), "us")
}

// ---- ping-pong

func pingpong(pairs, rounds int) int64 {
	var done sync.WaitGroup
	start := make(chan struct{})
	for p := 0; p < pairs; p++ {
		done.Add(1)
		pings, pongs := make(chan int), make(chan int)
		go func() {
			for ping := range pings {
				pongs <- ping
			}
		}()
		go func() {
			<-start
			for i := 0; i < rounds; i++ {
				pings <- i
				<-pongs
			}
			close(pings)
			done.Done()
		}()
	}
	begin := nowNs()
	close(start)
	done.Wait()
	return nowNs() - begin
}

// ---- fan-in: the channel holds 1,024, and a producer that is ahead waits

type add struct{ amount int }

func fanin(producers, each int) int64 {
	inbox := make(chan add, 1024)
	start := make(chan struct{})
	done := make(chan struct{})
	for p := 0; p < producers; p++ {
		go func() {
			<-start
			for i := 0; i < each; i++ {
				inbox <- add{1}
			}
		}()
	}
	go func() {
		for total := 0; total < producers*each; {
			total += (<-inbox).amount
		}
		close(done)
	}()
	begin := nowNs()
	close(start)
	<-done
	return nowNs() - begin
}

// ---- ring

func ring(count, hops int) int64 {
	done := make(chan struct{})
	first := make(chan int)
	in := first
	for i := 0; i < count; i++ {
		next := make(chan int)
		if i == count-1 {
			next = first
		}
		go func(in, next chan int) {
			for {
				left := <-in
				if left == 0 {
					close(done)
					return
				}
				next <- left - 1
			}
		}(in, next)
		in = next
	}
	begin := nowNs()
	first <- hops
	<-done
	return nowNs() - begin
}

// ---- big: an inbox holds so many that no sender ever blocks (an actor has one ping in flight)

type talk struct{ from chan talk }

func big(count, rounds int) int64 {
	inboxes := make([]chan talk, count)
	for i := range inboxes {
		inboxes[i] = make(chan talk, count+1)
	}
	var done sync.WaitGroup
	start := make(chan struct{})
	for i := range inboxes {
		done.Add(1)
		go func(me chan talk, chance uint32) {
			left := rounds
			<-start
			next := func() {
				chance = chance*1664525 + 1013904223
				left--
				inboxes[(chance>>16)%1024] <- talk{me}
			}
			next()
			for message := range me {
				if message.from != nil {
					message.from <- talk{}
				} else if left == 0 {
					done.Done()
				} else {
					next()
				}
			}
		}(inboxes[i], uint32((i+1)*7919))
	}
	begin := nowNs()
	close(start)
	done.Wait()
	return nowNs() - begin
}

// ---- scatter

func scatter(workers, rounds int) int64 {
	answers := make(chan int, workers)
	inboxes := make([]chan chan int, workers)
	for i := range inboxes {
		inboxes[i] = make(chan chan int, 1)
		go func(inbox chan chan int) {
			for from := range inbox {
				from <- 1
			}
		}(inboxes[i])
	}
	start := make(chan struct{})
	done := make(chan struct{})
	go func() {
		<-start
		for r := 0; r < rounds; r++ {
			for _, inbox := range inboxes {
				inbox <- answers
			}
			for range inboxes {
				<-answers
			}
		}
		close(done)
	}()
	begin := nowNs()
	close(start)
	<-done
	took := nowNs() - begin
	for _, inbox := range inboxes {
		close(inbox)
	}
	return took
}

// ---- spawn

func collect(collector chan int, count int) chan struct{} {
	done := make(chan struct{})
	go func() {
		for i := 0; i < count; i++ {
			<-collector
		}
		close(done)
	}()
	return done
}

func spawns(count int) int64 {
	begin := nowNs()
	collector := make(chan int, 1024)
	done := collect(collector, count)
	for i := 0; i < count; i++ {
		inbox := make(chan chan int, 1)
		go func() { (<-inbox) <- 1 }()
		inbox <- collector
	}
	<-done
	return nowNs() - begin
}

// ---- idle_bytes

func idleBytes() {
	count := amount(1000000)
	runtime.GC()
	before := residentBytes()
	collector := make(chan int, 1024)
	done := collect(collector, count)
	inboxes := make([]chan chan int, count)
	for i := range inboxes {
		inbox := make(chan chan int, 1)
		inboxes[i] = inbox
		go func(id int) {
			hits := 0
			for from := range inbox {
				hits++
				from <- id + hits
			}
		}(i)
		inbox <- collector
	}
	<-done
	runtime.GC()
	time.Sleep(500 * time.Millisecond)
	out("idle_bytes", (residentBytes()-before)/float64(count), "bytes")
	runtime.KeepAlive(inboxes)
}

// ---- skynet

func branch(parent chan int, number, size int) {
	if size == 1 {
		parent <- number
		return
	}
	answers := make(chan int)
	sub := size / 10
	for i := 0; i < 10; i++ {
		go branch(answers, number+i*sub, sub)
	}
	sum := 0
	for i := 0; i < 10; i++ {
		sum += <-answers
	}
	parent <- sum
}

func skynet(leaves int) float64 {
	root := make(chan int)
	begin := nowNs()
	go branch(root, 0, leaves)
	if <-root != leaves*(leaves-1)/2 {
		panic("a wrong sum")
	}
	return float64(nowNs()-begin) / 1e6
}

// ---- ask: a question carries the channel of its answer

type question struct {
	value  int
	answer chan int
}

func ask(count int) int64 {
	questions := make(chan question)
	go func() {
		for q := range questions {
			q.answer <- q.value
		}
	}()
	begin := nowNs()
	for i := 0; i < count; i++ {
		q := question{i, make(chan int)}
		questions <- q
		if <-q.answer != i {
			panic("a wrong answer")
		}
	}
	took := nowNs() - begin
	close(questions)
	return took
}

// ---- busy_rtt: a ping each ms while 8 goroutines have 20 us messages without pause

//go:noinline
func work(rounds int, x uint32) uint32 {
	for i := 0; i < rounds; i++ {
		x = x*1664525 + 1013904223
	}
	return x
}

func calibrate(ns int) int {
	work(10000000, 1)
	begin := nowNs()
	work(50000000, 1)
	return int(float64(ns) * 50000000 / float64(nowNs()-begin))
}

func busyRtt() {
	const ticks = 2000
	rounds := calibrate(20000)
	for i := 0; i < 8; i++ {
		inbox := make(chan int, 1)
		inbox <- 1
		go func() {
			for message := range inbox {
				work(rounds, 1)
				inbox <- message
				runtime.Gosched() // a goroutine that sends to itself never blocks
			}
		}()
	}
	time.Sleep(300 * time.Millisecond)
	pings, pongs := make(chan int64, ticks), make(chan int64, ticks)
	go func() {
		for sent := range pings {
			pongs <- sent
		}
	}()
	var times []int64
	first := nowNs() + 5000000
	tick := make(chan int, 1)
	arm := func(i int64) {
		time.AfterFunc(time.Duration(first+i*1000000-nowNs()), func() { tick <- 1 })
	}
	arm(0)
	for sent := int64(0); len(times) < ticks; {
		select {
		case <-tick:
			pings <- nowNs()
			if sent++; sent < ticks {
				arm(sent)
			}
		case sentNs := <-pongs:
			times = append(times, nowNs()-sentNs)
		}
	}
	percentiles("busy_rtt", times)
}

// ---- respawn

func respawn(count int) int64 {
	up := make(chan chan int)
	down := make(chan any)
	child := func() {
		defer func() { down <- recover() }()
		inbox := make(chan int, 1)
		up <- inbox
		<-inbox
		panic("as told")
	}
	quit := make(chan struct{})
	go func() {
		go child()
		for {
			select {
			case <-down:
				go child()
			case <-quit:
				return
			}
		}
	}()
	inbox := <-up
	begin := nowNs()
	for i := 0; i < count; i++ {
		inbox <- 1
		inbox = <-up
	}
	took := nowNs() - begin
	close(quit)
	return took
}

// ---- timers

func timers() {
	count := amount(1000000)
	runtime.GC()
	armed := make([]*time.Timer, count)
	due := make(chan int64, 1024)
	begin := nowNs()
	for i := range armed {
		delay := int64(2000+i*7919%count*3000/count) * 1000000
		dueNs := nowNs() + delay
		armed[i] = time.AfterFunc(time.Duration(delay), func() { due <- dueNs })
	}
	between := nowNs()
	kept := 0
	for i, timer := range armed {
		if i%2 == 0 {
			timer.Stop()
		} else {
			kept++
		}
	}
	end := nowNs()
	out("timer_arm", float64(between-begin)/float64(count), "ns")
	out("timer_cancel", float64(end-between)/float64(count-kept), "ns")
	late := make([]int64, 0, kept)
	for i := 0; i < kept; i++ {
		dueNs := <-due
		late = append(late, nowNs()-dueNs)
	}
	percentiles("timer_late", late)
}

// ---- figures

func warmed(name string, count int, perRound int, run func(int) int64, unit string) {
	run(count/10 + 1)
	out(name, rate(count*perRound, run(count)), unit)
}

func figure(name string) bool {
	if strings.HasPrefix(name, "pingpong") {
		pairs, _ := strconv.Atoi(strings.TrimPrefix(name, "pingpong"))
		run := func(n int) int64 { return pingpong(pairs, n) }
		warmed(name, amount(4000000/pairs), pairs, run, "trips/s")
		return true
	}
	switch name {
	case "fanin":
		run := func(n int) int64 { return fanin(100, n) }
		warmed(name, amount(100000), 100, run, "messages/s")
	case "ring":
		run := func(n int) int64 { return ring(503, n) }
		warmed(name, amount(5000000), 1, run, "hops/s")
	case "big":
		run := func(n int) int64 { return big(1024, n) }
		warmed(name, amount(3000), 2*1024, run, "messages/s")
	case "scatter":
		run := func(n int) int64 { return scatter(64, n) }
		warmed(name, amount(30000), 2*64, run, "messages/s")
	case "spawn":
		warmed(name, amount(1000000), 1, spawns, "spawns/s")
	case "respawn":
		warmed(name, amount(200000), 1, respawn, "restarts/s")
	case "ask":
		count := amount(1000000)
		ask(count / 10)
		out(name, float64(ask(count))/float64(count), "ns")
	case "skynet":
		leaves := 1000000
		for leaves > amount(1000000) && leaves > 10 {
			leaves /= 10
		}
		skynet(10000)
		out(name, skynet(leaves), "ms")
	case "busy_rtt":
		busyRtt()
	case "timers":
		timers()
	case "idle_bytes":
		idleBytes()
	case "version":
		fmt.Println(runtime.Version(), "GOMAXPROCS", runtime.GOMAXPROCS(0))
	default:
		return false
	}
	return true
}

func main() {
	arguments := append(os.Args[1:], "", "")
	if value, err := strconv.ParseFloat(arguments[1], 64); err == nil {
		scale = value
	}
	if !figure(arguments[0]) {
		fmt.Fprintln(os.Stderr, "bench: there is no figure", arguments[0])
		os.Exit(2)
	}
}
