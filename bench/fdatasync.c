/* fdatasync.c - the least that a durable record costs: one 4 KiB write and fdatasync, so many times, into a new file.
**
** fdatasync FOLDER ROUNDS : prints the median and the 99th percentile in microseconds, one to a line.
*/
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MOST_ROUNDS = 1000000 };

static double microseconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int by_value(const void *left, const void *right) {
  double a = *(const double *)left;
  double b = *(const double *)right;
  return (a > b) - (a < b);
}

int main(int argc, char **argv) {
  static char page[PAGE];
  char path[1024];
  long rounds = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
  if (rounds < 1 || rounds > MOST_ROUNDS) {
    fprintf(stderr, "usage: fdatasync FOLDER ROUNDS\n");
    return 2;
  }
  snprintf(path, sizeof path, "%s/fdatasync", argv[1]);
  int file = open(path, O_CREAT | O_TRUNC | O_WRONLY, 0600);
  double *times = calloc((size_t)rounds, sizeof *times);
  if (file < 0 || times == NULL) {
    perror(path);
    free(times);
    return 1;
  }
  memset(page, 'x', sizeof page);
  for (long i = 0; i < rounds; i++) {
    double began = microseconds();
    if (write(file, page, sizeof page) != (ssize_t)sizeof page || fdatasync(file) != 0) {
      perror(path);
      free(times);
      return 1;
    }
    times[i] = microseconds() - began;
  }
  qsort(times, (size_t)rounds, sizeof *times, by_value);
  printf("%.1f\n%.1f\n", times[rounds / 2], times[rounds * 99 / 100]);
  close(file);
  unlink(path);
  free(times);
  return 0;
}
