// SPDX-License-Identifier: Apache-2.0
// Computes pi on all ranks: each sums its share of the integral of 4 / (1 + x*x) from 0 to 1, and a token goes
// round the ring of ranks, so that every rank is shown to reach the next one.
#include <math.h>
#include <mpi.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char** argv) {
    const long steps = 100000000;
    int rank, size, token = 0;
    char host[256];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    gethostname(host, sizeof host);
    printf("rank %d of %d runs on %s\n", rank, size, host);
    fflush(stdout);

    double part = 0, pi = 0;
    for (long i = rank; i < steps; i += size) {
        const double x = (i + 0.5) / steps;
        part += 4 / (1 + x * x);
    }
    part /= steps;
    MPI_Reduce(&part, &pi, 1, MPI_DOUBLE, MPI_SUM, 0, MPI_COMM_WORLD);

    if (rank > 0) MPI_Recv(&token, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    ++token;
    MPI_Send(&token, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
    if (rank == 0) {
        MPI_Recv(&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        printf("the token has passed %d ranks\n", token);
        printf("pi is %.10f\n", pi);
    }
    MPI_Finalize();
    return rank == 0 && fabs(pi - M_PI) > 1e-9;
}
