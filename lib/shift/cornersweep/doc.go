// Command cornersweep repeats the recorded sweep of JaxGMG over corner sizes of "cheese in the corner", in a reduced form:
// the same levels in the same order, the same network, losses and settings, fewer cycles of training, and several seeds of
// what the original leaves to chance (initial weights, actions drawn).
//
//	go run ./lib/shift/cornersweep -sizes 1,4,11 -seeds 3 -cycles 64 -o sweep.csv
//
// For each run it writes, at cycle 0 and at every 64th, the mean over 256 levels of the discounted return of cheese and of
// corner, on levels of the training corner size ("on") and with the cheese anywhere ("off"): what the original logged. At
// the end it prints them beside the record, which holds one seed for each size. A cycle is 8192 environment steps.
//
// Source: repository matomatical/jaxgmg at commit 12221b4, and the exports of its runs in plots/gmg-corner-13/data.
package main
